"""Maps of where a classifier sees a class: feature maps weighted and added up, and brought to the image's size."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segexp.models.classifier import Classifier


def weigh_maps(features: Tensor, weights: Tensor) -> Tensor:
    """Class activation maps (Zhou et al. 2016, eq. 2): the sum of all feature maps, each times a weight of the class.

    Divided by the number of maps, as the laboratory does; the bias of the last layer is left out.

    Args:
        features: float (B, F, h, w), the last maps of the network.
        weights: float (K, F), of the last layer.

    Returns:
        float (B, K, h, w).
    """
    return torch.einsum("bfhw,kf->bkhw", features, weights) / features.shape[1]


def contrast_weights(weights: Tensor) -> Tensor:
    """Weights (K, F) less their mean over the other classes: what a map adds to a class and not to all of them.

    A softmax does not see what all logits have in common, and training leaves it where it was.
    """
    classes = len(weights)
    return weights - (weights.sum(dim=0, keepdim=True) - weights) / max(1, classes - 1)


def grad_cam(model: Classifier, layer: nn.Module | None, image: Tensor) -> Tensor:
    """Grad-CAM (Selvaraju et al. 2017, eq. 1 and 2): maps weighted by the mean gradient of a class's logit, then ReLU.

    On the last maps of a network whose mean a linear layer takes, the gradient is that layer's weight over the number
    of places: the map is the positive part of the plain class activation map, at another scale (section 3.1 there).

    Args:
        model: A classifier in evaluation mode.
        layer: The part of it whose maps are weighted; None: the last maps.
        image: float (B, C, H, W), scaled.

    Returns:
        float (B, K, h, w), 0 or more.
    """
    with torch.inference_mode(mode=False), torch.enable_grad():
        kept: list[Tensor] = []

        def keep(part: nn.Module, given: object, output: Tensor) -> Tensor:
            # The layers behind it may write into what they are given; the gradient is asked of a leaf of its own.
            kept.append(output.detach().requires_grad_())
            return kept[-1].clone()

        hook = None if layer is None else layer.register_forward_hook(keep)
        try:
            features = model.features(image.clone())
        finally:
            if hook is not None:
                hook.remove()
        if layer is None:
            features = keep(model, None, features)
        logits = model.head(features.mean((-2, -1)))
        maps = [_of_class(kept[0], logits[:, number].sum()) for number in range(logits.shape[1])]
    return torch.stack(maps, dim=1).detach()


def _of_class(maps: Tensor, logit: Tensor) -> Tensor:
    """Grad-CAM (B, h, w) of one class, of maps (B, F, h, w) and the sum of its logits over the batch."""
    (gradient,) = torch.autograd.grad(logit, maps, retain_graph=True)
    return (maps * gradient.mean((-2, -1), keepdim=True)).sum(dim=1).relu()


def stretch(maps: Tensor, height: int, width: int) -> Tensor:
    """Stretches maps (B, K, h, w) over the image by linear interpolation, as the laboratory does: (B, K, H, W)."""
    return F.interpolate(maps, (height, width), mode="bilinear", align_corners=False)


def place(maps: Tensor, stride: int, height: int, width: int) -> Tensor:
    """Brings maps to the image's size so that each value lies at the pixel that it is centred on.

    Value i of a network whose convolutions pad by half their size is centred on pixel i * ``stride``: stretched over
    the image it would lie half a stride too far to the right and below, 16 pixels at stride 32.

    Args:
        maps: float (B, K, h, w) with h = H / stride and w = W / stride, rounded up.
        stride: Pixels of the image per value.
        height: H.
        width: W.

    Returns:
        float (B, K, H, W), linear between the values; what lies behind the last one is as it is.
    """
    rows, columns = ((size - 1) * stride + 1 for size in maps.shape[-2:])
    exact = F.interpolate(maps, (rows, columns), mode="bilinear", align_corners=True)[..., :height, :width]
    return F.pad(exact, (0, max(0, width - columns), 0, max(0, height - rows)), mode="replicate")


Maps = Callable[[Tensor], Tensor]
"""Raw images (B, C, H, W) to maps (B, K, H, W)."""


def mean_over_views(maps: Maps, image: Tensor) -> Tensor:
    """Mean of the maps of the eight turned and mirrored views of an image, each turned back.

    A map of one view is drawn to the side on which the strides begin.

    Args:
        maps: Gives the maps of one view.
        image: (B, C, H, W).
    """
    total: Tensor | None = None
    for mirrored in (False, True):
        for turns in range(4):
            seen = torch.rot90(image.flip(-1) if mirrored else image, turns, (-2, -1))
            found = torch.rot90(maps(seen), -turns, (-2, -1))
            found = found.flip(-1) if mirrored else found
            total = found if total is None else total + found
    if total is None:
        raise RuntimeError("there are eight views")
    return total / 8
