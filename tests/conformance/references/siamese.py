"""The Siamese network for Omniglot in PyTorch.

Koch et al., Siamese Neural Networks for One-shot Image Recognition, 2015, Figure 4.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Siamese(nn.Module):
    def __init__(self) -> None:
        super().__init__()

        def stage(inputs: int, outputs: int, size: int) -> list[nn.Module]:
            return [nn.Conv2d(inputs, outputs, size), nn.ReLU()]

        self.twin = nn.Sequential(
            *stage(1, 64, 10),
            nn.MaxPool2d(2),
            *stage(64, 128, 7),
            nn.MaxPool2d(2),
            *stage(128, 128, 4),
            nn.MaxPool2d(2),
            *stage(128, 256, 4),
            nn.Flatten(),
            nn.Linear(9216, 4096),
            nn.Sigmoid(),
        )
        self.alike = nn.Linear(4096, 1)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        distance = torch.abs(self.twin(left) - self.twin(right))
        return torch.sigmoid(self.alike(distance))
