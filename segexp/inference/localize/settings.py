"""What is made of an image: which maps of which class, and how they are drawn from the network."""

from dataclasses import dataclass
from typing import Literal

Method = Literal["lecture", "gradcam", "fine"]


@dataclass(frozen=True)
class MapSettings:
    """Settings of the maps.

    Attributes:
        methods: ``lecture``: the last maps times the weights of the last layer, stretched over the image;
            ``gradcam``: maps of ``layer`` times their mean gradients; ``fine``: the last maps at ``output_stride``,
            times the weights less those of the other classes, placed on the pixels they are centred on, blurred.
        output_stride: Pixels of the image, as the network sees it, per value of the fine map.
        smooth: Standard deviation of the blur of the fine map, pixels of the image.
        views: ``d4``: the fine map is the mean over the eight turned and mirrored views.
        layer: Part of the model whose maps Grad-CAM weights; None: the last maps.
        singles: How many single feature maps stand beside.
        seed: Of their draw.
        colour_blur: Standard deviation of the blur of the map without learning, pixels of the image.
        strongest: Single maps are those of each image that add most to the logit of its class; else drawn at random.
    """

    methods: tuple[Method, ...] = ("lecture", "fine")
    output_stride: int = 16
    smooth: float = 0.0
    views: Literal["none", "d4"] = "none"
    layer: str | None = None
    singles: int = 4
    seed: int = 0
    colour_blur: float = 20.0
    strongest: bool = False
