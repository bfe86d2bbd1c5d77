"""GoogLeNet as its paper has it, in PyTorch.

Szegedy et al., Going Deeper with Convolutions, 2014, Table 1, figures 2(b) and 3 and
section 5: biases, no batch norm, local response normalisation (PyTorch's defaults,
which are Caffe's), pools that round up, two auxiliary classifiers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2)
    return nn.Sequential(conv, nn.ReLU())


class Inception(nn.Module):
    """Four branches side by side: 1x1, 3x3, 5x5, and a pool."""

    def __init__(
        self, inputs: int, n1: int, r3: int, n3: int, r5: int, n5: int, projected: int
    ) -> None:
        super().__init__()
        self.branch1 = convolution(inputs, n1, 1)
        self.branch2 = nn.Sequential(convolution(inputs, r3, 1), convolution(r3, n3, 3))
        self.branch3 = nn.Sequential(convolution(inputs, r5, 1), convolution(r5, n5, 5))
        pool = nn.MaxPool2d(3, stride=1, padding=1, ceil_mode=True)
        self.branch4 = nn.Sequential(pool, convolution(inputs, projected, 1))

    def forward(self, x: Tensor) -> Tensor:
        branches = self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)
        return torch.cat(branches, dim=1)


class Auxiliary(nn.Module):
    """A classifier at an inner module."""

    def __init__(self, inputs: int, classes: int, dropout: float = 0.7) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(5, stride=3)
        self.conv = convolution(inputs, 128, 1)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.fc2 = nn.Linear(1024, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.flatten(self.conv(self.pool(x)), 1)
        return self.fc2(self.dropout(self.relu(self.fc1(x))))


class GoogLeNet(nn.Module):
    """The network; returns logits, probabilities, and the logits of both auxiliaries."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            convolution(3, 64, 7, stride=2),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            nn.LocalResponseNorm(5),
            convolution(64, 64, 1),
            convolution(64, 192, 3),
            nn.LocalResponseNorm(5),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
        )
        self.inception3a = Inception(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.pool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.inception4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.inception4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.pool4 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = Inception(832, 384, 192, 384, 48, 128, 128)
        self.aux1 = Auxiliary(512, classes)
        self.aux2 = Auxiliary(528, classes)
        self.pool5 = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.4)
        self.fc = nn.Linear(1024, classes)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = self.inception3b(self.inception3a(self.stem(x)))
        at_4a = self.inception4a(self.pool3(x))
        at_4d = self.inception4d(self.inception4c(self.inception4b(at_4a)))
        x = self.pool4(self.inception4e(at_4d))
        x = self.inception5b(self.inception5a(x))
        x = self.fc(self.dropout(torch.flatten(self.pool5(x), 1)))
        return x, self.softmax(x), self.aux1(at_4a), self.aux2(at_4d)
