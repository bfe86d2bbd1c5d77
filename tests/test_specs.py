"""The shipped specs hold what they claim, and the language is as short as it promises."""

from __future__ import annotations

import importlib.util
import math
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from cnndsl import driver
from cnndsl.arguments import format_op
from cnndsl.diagnostics import CnnError
from cnndsl.driver import Compiled
from cnndsl.loader import Loader, shipped_files
from cnndsl.notation import number, whole_formula
from cnndsl.op import Op
from cnndsl.ops import OPS
from cnndsl.ops.conv import Conv
from cnndsl.ops.norm import Bn
from cnndsl.parser import parse
from cnndsl.passes.flatten import flatten
from cnndsl.source import Source
from cnndsl.symbol import Size
from cnndsl.syntax import Rule
from cnndsl.window import Padding

ROOT = Path(__file__).parent.parent
SHIPPED = sorted((ROOT / "specs").glob("*.cnn"))
STANDARD = sorted((ROOT / "specs" / "std").glob("*.cnn"))
CATALOGUE = sorted((ROOT / "specs" / "rules").glob("*.cnn"))

LENGTHS = {
    "googlenet": 40,
    "resnet": 35,
    "vgg": 30,
    "densenet": 30,
    "mobilenet_v2": 25,
    "efficientnet": 35,
    "inception_v3": 70,
    "nasnet": 80,
    "unet": 35,
    "shufflenet_v2": 35,
    "hrnet": 40,
    "fpn": 45,
    "fcn": 40,
    "espcn": 10,
    "deepface": 15,
    "siamese": 25,
}
"""Lines with statements, at most, for a network or a whole family."""


def name(path: Path) -> str:
    return path.stem


def statements(text: str) -> list[str]:
    """Lines that say something: no comments, claims or sources, no lone brackets."""
    lines = (re.sub(r"#[^\n]*", "", line).strip() for line in text.splitlines())
    left_out = re.compile(r"[)}\]\s]*|cnn 1|expect .*|source .*")
    return [line for line in lines if not left_out.fullmatch(line)]


def test_there_are_specs() -> None:
    assert [str(path) for path in SHIPPED] == [str(Path(file)) for file in shipped_files()]
    assert {"lenet", "alexnet", "zfnet", "vgg", "googlenet", "resnet"} <= set(map(name, SHIPPED))
    assert len(STANDARD) >= 6


@pytest.mark.parametrize("path", SHIPPED, ids=name)
def test_claims_hold(path: Path) -> None:
    compiled = driver.check(str(path))
    assert compiled
    for model in compiled:
        assert model.claims and all(claim.holds for claim in model.claims)
        assert not model.diagnostics


@pytest.mark.parametrize("path", SHIPPED, ids=name)
def test_every_model_is_proved(path: Path) -> None:
    """Each shipped model claims its parameters and something else."""
    for model in driver.check(str(path)):
        about = {re.split(r"[ (]", claim.text)[0] for claim in model.claims}
        assert "params" in about and len(about) > 1, model.module.name
        assert model.module.source


def test_the_readme_lists_every_model() -> None:
    text = (ROOT / "specs" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\|[^|]*\| `(\w+)` \|[^|]*\| (\S+) \| (\S+) \|", text, re.MULTILINE)
    listed = {name: (params, macs) for name, params, macs in rows}
    assert listed == {
        model.module.name: (number(model.cost.params), written(model.cost.macs))
        for path in SHIPPED
        for model in driver.check(str(path))
    }


def written(size: Size) -> str:
    """A number, or the formula for sizes that are halved without a rest."""
    whole = None if isinstance(size, int) else whole_formula(size)
    return whole[0] if whole else number(size)


@pytest.mark.parametrize("path", [p for p in SHIPPED if p.stem in LENGTHS], ids=name)
def test_is_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(statements(text)) <= LENGTHS[path.stem]
    assert max(map(len, text.splitlines())) <= 100


def test_all_lengths_are_tested() -> None:
    assert LENGTHS.keys() <= {path.stem for path in SHIPPED}


def test_claims_about_rows() -> None:
    rows = ("input 28x28x192", "a: inception(64, 96→128, 16→32, pool→32)",
            "stage s { conv 3x3, 8, bn, relu; conv 1x1, 4 }", "c: concat { | 1x1, 3 | identity }",
            "expect macs(a) = 128M", "expect params(a, s) = 163_696 + 18_432 + 16 + 36",
            "expect activations(s) = 12 * 784 + 16 * 784")  # fmt: skip
    assert [claim.holds for claim in compiled(*rows).claims] == [True] * 3
    for wrong in ("macs(a) = 129M", "macs(b) = 128M", "macs(c) = 1", "depth(a) = 2"):
        with pytest.raises(CnnError):
            compiled(*rows, f"expect {wrong}")


def test_a_shipped_model_can_be_varied(tmp_path: Path) -> None:
    """What a variant is given goes to its base, and its own claims are not about the result."""
    shutil.copy(ROOT / "specs" / "resnet.cnn", tmp_path)
    spec = tmp_path / "mine.cnn"
    spec.write_text('use "./resnet.cnn"\nmodel mine = resnet50(classes=10)\n', encoding="utf-8")
    mine = driver.compile_model(str(spec))
    assert mine.cost.params == 25_557_032 - 990 * 2049 and not mine.claims
    spec.write_text('use "./resnet.cnn"\nmodel mine = resnet50(10)\n', encoding="utf-8")
    with pytest.raises(CnnError, match="named arguments"):
        driver.compile_model(str(spec))


@pytest.mark.skipif(not importlib.util.find_spec("cnndsl.printer"), reason="no formatter yet")
@pytest.mark.parametrize("path", [*SHIPPED, *STANDARD, *CATALOGUE], ids=name)
def test_is_formatted(path: Path) -> None:
    from cnndsl.printer import format_source

    text = path.read_text(encoding="utf-8")
    assert format_source(Source(path.name, text)) == text


# ------------------------------------------------------------------- the library


@pytest.mark.parametrize("path", STANDARD, ids=name)
def test_blocks_have_sources(path: Path) -> None:
    """What stands in the library says where it was published."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ")
    for block in re.finditer(r"^((?:#[^\n]*\n)*)block (\w+)", text, re.MULTILINE):
        assert block[1], f"{block[2]} has no comment"
    assert path.stem == "dialects" or re.search(r"^#.* et al\.,.*, (19|20)\d\d", text, re.MULTILINE)


def test_a_name_of_the_catalogue_is_one_rule() -> None:
    """Rules need no `use`, so no file of theirs and no file of the library repeats a name."""
    library = Loader(str(ROOT)).library
    texts = [path.read_text(encoding="utf-8") for path in (*STANDARD, *CATALOGUE)]
    defined = re.findall(r"^(?:block|dialect|let|rule) (\w+)", "\n".join(texts), re.MULTILINE)
    assert sorted(defined) == sorted([*library.index, *library.rules])
    assert len(set(defined)) == len(defined)


@pytest.mark.parametrize("path", CATALOGUE, ids=name)
def test_rules_say_what_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.removeprefix("use std\n\n").startswith("# ")
    file, problems = parse(Source(path.name, text))
    assert not problems
    assert all(item.note or item.kinds for item in file.items if isinstance(item, Rule))


@pytest.fixture(scope="session")
def keras() -> Any:
    return pytest.importorskip("keras")


def compiled(*rows: str, dialect: str | None = None) -> Compiled:
    text = "use std\nmodel net {\n" + "\n".join(rows) + "\n}\n"
    return driver.compile_model(Source("net.cnn", text), dialect=dialect)


def test_torch_is_the_operators_own_defaults() -> None:
    """`dialect torch` repeats them for readers; nothing may change."""
    rows = ("input 8x8x4", "conv 3x3, 4", "bn", "dwconv 3x3", "deconv 2x2/2, 4", "maxpool 3x3/2",
            "avgpool 2x2/2", "ln", "gn 2", "lrn", "leakyrelu", "upsample", "fc 3")  # fmt: skip
    text = "dialect bare { }\nmodel net {\n" + "\n".join(rows[:-1]) + "\n}\n"
    bare = driver.compile_model(Source("net.cnn", text), dialect="bare").module
    here = [node.op for _, node in compiled(*rows[:-1]).module.walk()]
    assert here == [node.op for _, node in bare.walk()]


def test_keras_layers(keras: Any) -> None:
    """`dialect keras` is what Keras's layers do, save `valid` where its networks say `same`."""
    rows = ("input 9x9x4", "conv 3x3/2, 4", "dwconv 3x3/2", "deconv 3x3/2, 4", "bn", "ln", "gn 2",
            "leakyrelu", "avgpool 2x2/2", "maxpool 2x2/2")  # fmt: skip
    walk = compiled(*rows, dialect="keras").module.walk()
    ops: dict[str, Any] = {node.op.word: node.op for _, node in walk if isinstance(node.op, Op)}
    layers = keras.layers
    norm = layers.BatchNormalization()
    assert (ops["bn"].eps, ops["bn"].momentum) == (norm.epsilon, pytest.approx(1 - norm.momentum))
    assert ops["ln"].eps == layers.LayerNormalization().epsilon
    assert ops["gn"].eps == layers.GroupNormalization().epsilon
    assert ops["leakyrelu"].slope == layers.LeakyReLU().negative_slope
    assert all(ops[word].bias for word in ("conv", "dwconv", "deconv"))
    assert layers.Conv2D(1, 1).use_bias and layers.Conv2D(1, 1).padding == "valid"
    assert ops["maxpool"].pad == Padding() and layers.MaxPooling2D().padding == "valid"


@pytest.mark.parametrize("size", [7, 8, 9, 224])
@pytest.mark.parametrize("word", ["conv", "dwconv", "deconv", "maxpool", "avgpool"])
@pytest.mark.parametrize("window", ["2x2/2", "3x3/1", "3x3/2", "5x5/3"])
def test_keras_sizes(keras: Any, word: str, window: str, size: int) -> None:
    """Output sizes of `dialect keras` and of Keras's own layers."""
    kernel, stride = int(window[0]), int(window[-1])
    classes = {
        "conv": lambda: keras.layers.Conv2D(4, kernel, stride, padding="same"),
        "dwconv": lambda: keras.layers.DepthwiseConv2D(kernel, stride, padding="same"),
        "deconv": lambda: keras.layers.Conv2DTranspose(4, kernel, stride, padding="same"),
        "maxpool": lambda: keras.layers.MaxPooling2D(kernel, stride),
        "avgpool": lambda: keras.layers.AveragePooling2D(kernel, stride),
    }
    wanted = tuple(classes[word]().compute_output_shape((1, size, size, 4))[1:])
    channels = ", 4" if word in ("conv", "deconv") else ""
    module = compiled(
        f"input {size}x{size}x4", f"{word} {window}{channels}", dialect="keras"
    ).module
    assert module.main.output_types[0].shape == wanted


@pytest.mark.parametrize("window", ["2x2/2", "3x3/2", "5x5/3"])
@pytest.mark.parametrize("size", [7, 8, 9, 112])
def test_caffe_and_paper_pools_round_up(window: str, size: int) -> None:
    torch = pytest.importorskip("torch")
    pool = torch.nn.MaxPool2d(int(window[0]), int(window[-1]), ceil_mode=True)
    height = pool(torch.zeros(1, 1, size, size)).shape[-1]
    for dialect in ("caffe", "paper"):
        module = compiled(f"input {size}x{size}x1", f"maxpool {window}", dialect=dialect).module
        assert module.main.output_types[0].height == height


@pytest.mark.parametrize(("dialect", "text"), [("paper", "lrn k=2, sum"), ("caffe", "lrn")])
def test_lrn(dialect: str, text: str) -> None:
    (node,) = compiled("input 8x8x4", "lrn", dialect=dialect).module.main.nodes
    assert isinstance(node.op, Op) and format_op(node.op) == text


@pytest.mark.parametrize("dialect", ["torch", "keras", "caffe", "paper"])
def test_dialects_know_their_operators(dialect: str) -> None:
    text = (ROOT / "specs" / "std" / "dialects.cnn").read_text(encoding="utf-8")
    body = re.search(rf"^dialect {dialect}\b[^{{]*{{(.*?)^}}", text, re.MULTILINE | re.DOTALL)
    assert body
    assert {line.split(":")[0].strip() for line in body[1].strip().splitlines()} <= OPS.keys()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "model"),
    [("resnet.cnn:resnet50_keras", "ResNet50"), ("vgg.cnn:vgg16_keras", "VGG16")],
)
def test_keras_applications(keras: Any, spec: str, model: str) -> None:
    """Weights by shape, norms and paddings are those of the network in `keras.applications`."""
    theirs = getattr(keras.applications, model)(weights=None)
    ours = driver.compile_model(str(ROOT / "specs" / spec))
    assert ours.cost.params == sum(math.prod(w.shape) for w in theirs.trainable_weights)
    assert ours.cost.statistics == sum(math.prod(w.shape) for w in theirs.non_trainable_weights)
    flat = flatten(ours.module)
    shapes = sorted(
        weight.shape
        for node in flat.nodes
        if isinstance(node.op, Op)
        for weight in node.op.weights(*(flat.types[value] for value in node.inputs))
    )
    assert shapes == sorted(tuple(weight.shape) for weight in theirs.weights)
    eps = {node.op.eps for node in flat.nodes if isinstance(node.op, Bn)}
    assert eps == {layer.epsilon for layer in theirs.layers if hasattr(layer, "epsilon")}
    pads = [node.op.pad for node in flat.nodes if isinstance(node.op, Conv)]
    assert all(isinstance(pad, Padding) and pad.height == pad.width for pad in pads)
    sizes = {value.type.shape for node in flat.nodes for value in node.outputs}
    assert {tuple(layer.output.shape[1:]) for layer in theirs.layers if is_conv(layer)} <= sizes


def is_conv(layer: Any) -> bool:
    return type(layer).__name__ in ("Conv2D", "MaxPooling2D", "Dense")
