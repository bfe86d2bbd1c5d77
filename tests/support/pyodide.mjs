// Runs `outputs.py` in Pyodide, Python for Node: node pyodide.mjs PYODIDE ROOT FOLDER FILE ...
// What is printed is what the program prints; ROOT and FOLDER are seen under their own names.
import { pathToFileURL } from "node:url";

const [pyodide, root, folder, ...files] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${pyodide}/pyodide.mjs`));
const python = await loadPyodide({ env: { HOME: "/", PYTHONHASHSEED: "7" } });
for (const path of new Set([root, folder])) {
  python.FS.mkdirTree(path);
  python.FS.mount(python.FS.filesystems.NODEFS, { root: path }, path);
}
python.globals.set("given", python.toPy([root, ...files]));
console.log(python.runPython(`
import sys
import os
sys.dont_write_bytecode = True
os.chdir(given[0])
sys.path.insert(0, f"{given[0]}/tests/support")
import outputs
outputs.run(given[0], list(given[1:]))
`));
