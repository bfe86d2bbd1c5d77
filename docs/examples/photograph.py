"""Run an emitted ResNet-50 on a photograph: `python photograph.py resnet50.py`.

The photograph is one of scikit-learn's sample images. The weights are freshly drawn,
so the classes mean nothing; what this shows is that the emitted module runs as it is.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from PIL import Image
from sklearn.datasets import load_sample_image

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def load(path: str) -> ModuleType:
    """The module in a file."""
    spec = importlib.util.spec_from_file_location("emitted", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["emitted"] = module
    spec.loader.exec_module(module)
    return module


def photograph(size: int = 224) -> np.ndarray:
    """The middle of the picture, size × size × 3, normalised as ImageNet models expect."""
    picture = Image.fromarray(load_sample_image("china.jpg"))
    edge = min(picture.size)
    left, top = (picture.width - edge) // 2, (picture.height - edge) // 2
    square = picture.crop((left, top, left + edge, top + edge)).resize((size, size))
    return ((np.asarray(square) / 255 - MEAN) / DEVIATION).astype(np.float32)


def main(path: str) -> None:
    started = time.perf_counter()
    model = load(path).create(seed=0)
    model.eval()
    graph, state = nnx.split(model)
    apply = jax.jit(lambda state, x: nnx.merge(graph, state)(x))
    created = time.perf_counter()
    x = jnp.asarray(photograph()[None])
    probabilities = np.asarray(apply(state, x))[0]
    compiled = time.perf_counter()
    np.asarray(apply(state, x))
    finished = time.perf_counter()
    print(f"china.jpg through {path}: {probabilities.size} classes, random weights")
    for index in np.argsort(-probabilities)[:5]:
        print(f"  class {index:4d}  {probabilities[index]:8.3%}")
    print(
        f"create {created - started:.1f} s, compile {compiled - created:.1f} s, "
        f"one image {1000 * (finished - compiled):.0f} ms"
    )
    assert abs(probabilities.sum() - 1) < 1e-3


if __name__ == "__main__":
    main(sys.argv[1])
