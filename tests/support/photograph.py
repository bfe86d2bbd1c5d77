"""A real photograph as the input of a network."""

from __future__ import annotations

import numpy as np

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


def photograph(height: int = 224, width: int = 224, name: str = "china.jpg") -> np.ndarray:
    """A photograph that comes with scikit-learn, 1 × height × width × 3, normalised."""
    from PIL import Image
    from sklearn.datasets import load_sample_image

    image = Image.fromarray(load_sample_image(name)).resize((width, height), Image.BILINEAR)
    return ((np.asarray(image, np.float32) / 255.0 - MEAN) / DEVIATION)[None]


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    """The greatest difference, in units of the greatest expected value."""
    assert found.shape == expected.shape, (found.shape, expected.shape)
    assert np.isfinite(expected).all()
    scale = np.abs(expected).max()
    return float(np.abs(found - expected).max() / scale) if scale else float(np.abs(found).max())
