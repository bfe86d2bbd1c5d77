"""FCN-8s in PyTorch, layer by layer as in the authors' `voc-fcn8s`.

Long et al., Fully Convolutional Networks for Semantic Segmentation, 2014.
"""

from __future__ import annotations

from torch import Tensor, nn


class FCN8s(nn.Module):
    def __init__(self, classes: int = 21) -> None:
        super().__init__()
        n = classes

        def stage(inputs: int, outputs: int, depth: int, padding: int = 1) -> nn.Module:
            layers: list[nn.Module] = []
            for _ in range(depth):
                layers += [nn.Conv2d(inputs, outputs, 3, padding=padding), nn.ReLU()]
                inputs, padding = outputs, 1
            return nn.Sequential(*layers, nn.MaxPool2d(2, 2, ceil_mode=True))

        self.pool3 = nn.Sequential(stage(3, 64, 2, 100), stage(64, 128, 2), stage(128, 256, 3))
        self.pool4 = stage(256, 512, 3)
        self.head = nn.Sequential(
            stage(512, 512, 3),
            nn.Conv2d(512, 4096, 7),
            nn.ReLU(),
            nn.Dropout(),
            nn.Conv2d(4096, 4096, 1),
            nn.ReLU(),
            nn.Dropout(),
            nn.Conv2d(4096, n, 1),
        )
        self.upscore2 = nn.ConvTranspose2d(n, n, 4, 2, bias=False)
        self.score_pool4 = nn.Conv2d(512, n, 1)
        self.upscore_pool4 = nn.ConvTranspose2d(n, n, 4, 2, bias=False)
        self.score_pool3 = nn.Conv2d(256, n, 1)
        self.upscore8 = nn.ConvTranspose2d(n, n, 16, 8, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        pool3 = self.pool3(image)
        pool4 = self.pool4(pool3)
        x = self.upscore2(self.head(pool4))
        x = self.upscore_pool4(x + cropped(self.score_pool4(pool4), x, 5))
        x = self.upscore8(x + cropped(self.score_pool3(pool3), x, 9))
        return cropped(x, image, 31)


def cropped(x: Tensor, like: Tensor, offset: int) -> Tensor:
    """Caffe's `Crop`."""
    height, width = like.shape[2:]
    return x[:, :, offset : offset + height, offset : offset + width]
