"""U-Net in PyTorch.

Ronneberger et al., U-Net, 2015, figure 1: without padding as in the paper, or with.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTHS = (64, 128, 256, 512, 1024)


class UNet(nn.Module):
    def __init__(self, padding: int = 0, classes: int = 2) -> None:
        super().__init__()

        def double(inputs: int, outputs: int) -> nn.Module:
            return nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, padding=padding),
                nn.ReLU(),
                nn.Conv2d(outputs, outputs, 3, padding=padding),
                nn.ReLU(),
            )

        pairs = zip((1, *WIDTHS), WIDTHS, strict=False)
        self.encoder = nn.ModuleList(double(*pair) for pair in pairs)
        behind = WIDTHS[-2::-1]
        self.ups = nn.ModuleList(nn.ConvTranspose2d(2 * n, n, 2, 2) for n in behind)
        self.decoder = nn.ModuleList(double(2 * n, n) for n in behind)
        self.out = nn.Conv2d(WIDTHS[0], classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.encoder[0](x)
        skips = []
        for block in self.encoder[1:]:
            skips.append(x)
            x = block(F.max_pool2d(x, 2))
        for up, block in zip(self.ups, self.decoder, strict=True):
            x, skip = up(x), skips.pop()
            margin = (skip.shape[2] - x.shape[2]) // 2
            if margin:
                skip = skip[:, :, margin:-margin, margin:-margin]
            x = block(torch.cat([skip, x], 1))
        return self.out(x)  # type: ignore[no-any-return]


def unet() -> UNet:
    return UNet(padding=1)


def unet_2015() -> UNet:
    return UNet()
