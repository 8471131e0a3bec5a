"""Published weights of encoders: names, sources and hashes of torchvision's files; no torch."""

import re
from dataclasses import dataclass

SERVER = "https://download.pytorch.org/models/"
_DIGITS = re.compile(r"-([0-9a-f]{8,64})\.\w+$")


@dataclass(frozen=True)
class PublishedFile:
    """A file of weights that were trained on ImageNet.

    Attributes:
        name: Of the file; it ends in the first eight digits of the hash.
        sha256: Of all of it.
        megabytes: Its size.
        models: Which models take it, as words of the command line.
    """

    name: str
    sha256: str
    megabytes: int
    models: str

    @property
    def source(self) -> str:
        """Address from which it is downloaded."""
        return SERVER + self.name


_FCN = "fcn32s, fcn16s, fcn8s, fcn8s_vgg16, segnet with model.norm=none"
_RESNET = "deeplabv3_resnet101, pspnet_resnet50 with model.encoder="

PUBLISHED_FILES = {
    "vgg16": PublishedFile(
        "vgg16-397923af.pth", "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0", 553, _FCN
    ),
    "vgg16_bn": PublishedFile(
        "vgg16_bn-6c64b313.pth", "6c64b3138f2f4fcb3bcc4cafde11619c4f440eb1631787e93a682fd88305888a", 554, "segnet"
    ),
    "resnet18": PublishedFile(
        "resnet18-f37072fd.pth", "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec", 47,
        f"{_RESNET}resnet18",
    ),
    "resnet34": PublishedFile(
        "resnet34-b627a593.pth", "b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f", 87,
        f"{_RESNET}resnet34",
    ),
    "resnet50": PublishedFile(
        "resnet50-0676ba61.pth", "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a", 103,
        f"{_RESNET}resnet50",
    ),
    "resnet101": PublishedFile(
        "resnet101-63fe2227.pth", "63fe2227b86e8f1f2063f43a75c84d195911b6a0eace650907dd3dc62dd49a0a", 179,
        f"{_RESNET}resnet101",
    ),
}  # fmt: skip
"""By encoder. ResNet-50 and -101 have newer weights (V2, from a longer recipe); these are V1, what the papers on top of
them started from. The hashes are public: each begins with the digits of its file's name, which torch checks."""


def claimed_digits(name: str) -> str:
    """The first digits of the hash that a file's name says, as PyTorch names its files; empty where it says none."""
    found = _DIGITS.search(name)
    return "" if found is None else found[1]
