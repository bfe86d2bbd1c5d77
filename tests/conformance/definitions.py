"""`torch:tests.conformance.definitions:resnet50`: what torchvision and timm define.

torchvision's wheels on PyPI bring operators compiled for CUDA, which do not load beside
PyTorch for CPUs. Its classification models need none of them; they only have to be declared.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

OPERATORS = ("nms", "qnms", "roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool", "deform_conv2d")


def _declare() -> torch.library.Library:
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in OPERATORS:
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor x) -> Tensor")
    return library


_library = _declare()


def __getattr__(name: str) -> Callable[..., Any]:
    import timm
    import torchvision

    if hasattr(torchvision.models, name):
        found: Callable[..., Any] = getattr(torchvision.models, name)
        return found
    if timm.is_model(name):
        return partial(timm.create_model, name, pretrained=False)
    raise AttributeError(name)
