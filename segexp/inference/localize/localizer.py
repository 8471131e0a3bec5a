"""A classifier of a run as it is used to localize: an image in, maps of where it sees a class out."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from segexp.errors import ConfigError, MismatchError
from segexp.inference.localize.maps import contrast_weights, grad_cam, mean_over_views, place, stretch, weigh_maps
from segexp.inference.localize.peaks import FloatMap, blur
from segexp.inference.localize.settings import MapSettings
from segexp.inference.stored_network import StoredNetwork, load_network
from segexp.models.classifier import Classifier
from segexp.runs.checkpoints import Source
from segexp.tasks.normalize import Normalize
from segexp.windows.plan import WindowPlan
from segexp.windows.settings import Inference
from segexp.windows.sliding import sliding_window

MapOf = Callable[[Tensor, int], Tensor]
"""Raw images (B, C, h, w) and the number of a class to a map (B, 1, h, w)."""


class Localized(NamedTuple):
    """Class activation maps of one image and the class that they are of.

    Attributes:
        probabilities: float64 (K,) of the whole image.
        label: Number of the class that the maps are of.
        maps: float32 (H, W) by name: the methods, ``mean`` and ``map <number>``.
    """

    probabilities: NDArray[np.float64]
    label: int
    maps: dict[str, FloatMap]


class Localizer:
    """A classifier and the maps that are made of it; large images are seen in windows."""

    def __init__(
        self, stored: StoredNetwork, fine: Classifier | None, settings: MapSettings, inference: Inference, device: str
    ) -> None:
        """Keeps the networks on the device.

        Args:
            stored: The classifier.
            fine: The same weights at a smaller output stride; None: the fine map is not asked for.
            settings: Of the maps.
            inference: Whether images are seen whole or in windows.
            device: Where it works.

        Raises:
            ConfigError: There is no such layer.
        """
        self.spec, self.settings, self.inference, self.device = stored.spec, settings, inference, device
        self.model = _classifier(stored).to(device).requires_grad_(requires_grad=False)
        self.fine = None if fine is None else fine.to(device).requires_grad_(requires_grad=False)
        self.layer = _layer(self.model, settings.layer)
        self.scale = Normalize(self.spec, channels_last=False).to(device)
        count = self.model.head.in_features
        drawn = np.random.default_rng(settings.seed).permutation(count)[: settings.singles]
        self.singles = [int(number) for number in drawn]

    def localize(self, pixels: NDArray[Any], size: tuple[int, int], label: int | None) -> Localized:
        """Makes the maps of an image.

        Args:
            pixels: Raw (h, w, C), at the size at which the network is to see it.
            size: Height and width of the maps.
            label: Number of the class; None: of two classes the second, else the most probable one.
        """
        image = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].to(self.device)
        probabilities = self.logits(image).double().softmax(dim=1)[0].cpu().numpy()
        number = label if label is not None else 1 if self.spec.is_binary else int(probabilities.argmax())
        if self.settings.strongest:
            self.singles = self._strongest(image, number)
        maps = {name: self._whole(make, image, number, size) for name, make in self._makers().items()}
        found: dict[str, FloatMap] = {}
        for name, values in maps.items():
            if name != "beside":
                sigma = self.settings.smooth if name == "fine" else 0.0
                found[name] = blur(values[0], sigma)
        names = ["mean", *(f"map {single}" for single in self.singles)]
        found |= dict(zip(names, maps["beside"], strict=True))
        return Localized(probabilities, number, found)

    @torch.inference_mode()
    def logits(self, image: Tensor) -> Tensor:
        """Logits (1, K) of a raw image (1, C, H, W); of windows their mean, as that of the maps is one over places."""
        window = self.inference.window_for(*image.shape[-2:])
        if window is None:
            found: Tensor = self.model(self.scale(image)).float()
            return found
        height, width = image.shape[-2:]
        plan = WindowPlan(height, width, window, 0.0)
        seen = [self.model(self.scale(image[(..., *plan[number].slices)])) for number in range(len(plan))]
        return torch.stack(seen).float().mean(dim=0)

    @torch.inference_mode()
    def _strongest(self, image: Tensor, label: int) -> list[int]:
        """Numbers of the feature maps that add most to the logit of a class, the strongest first."""
        if not self.settings.singles:
            return []
        added = self._mean_features(image) * self.model.head.weight[label].float()
        return [int(number) for number in added.argsort(descending=True, stable=True)[: self.settings.singles]]

    def _mean_features(self, image: Tensor) -> Tensor:
        """Means (F,) of the feature maps over all places, float32; of windows their mean."""
        height, width = image.shape[-2:]
        window = self.inference.window_for(height, width)
        plan = None if window is None else WindowPlan(height, width, window, 0.0)
        parts = [image] if plan is None else [image[(..., *plan[number].slices)] for number in range(len(plan))]
        means = [self.model.features(self.scale(part))[0].float().mean((-2, -1)) for part in parts]
        return torch.stack(means).mean(dim=0)

    def _makers(self) -> Mapping[str, MapOf]:
        own: dict[str, MapOf] = {"lecture": self._lecture, "gradcam": self._gradcam, "fine": self._fine}
        return {**{name: own[name] for name in self.settings.methods}, "beside": self._beside}

    def _whole(self, make: MapOf, image: Tensor, label: int, size: tuple[int, int]) -> NDArray[np.float32]:
        """Maps (M, H, W) of a whole image, seen in windows where it is large."""
        height, width = image.shape[-2:]
        window = self.inference.window_for(height, width)
        views = self.settings.views == "d4" and make == self._fine

        def maps(seen: Tensor) -> Tensor:
            return mean_over_views(lambda view: make(view, label), seen) if views else make(seen, label)

        with torch.inference_mode():
            if window is None:
                found = maps(image)
            else:
                found = sliding_window(
                    maps, image, window, self.inference.overlap, self.inference.blend,
                    self.inference.windows_in_a_pass(torch.device(self.device).type),
                )  # fmt: skip
            if size != (height, width):
                found = stretch(found, *size)
        return np.asarray(found[0].float().cpu().numpy())

    def _lecture(self, image: Tensor, label: int) -> Tensor:
        weights = self.model.head.weight[label : label + 1]
        return stretch(weigh_maps(self.model.features(self.scale(image)), weights), *image.shape[-2:])

    def _gradcam(self, image: Tensor, label: int) -> Tensor:
        return stretch(grad_cam(self.model, self.layer, self.scale(image))[:, label : label + 1], *image.shape[-2:])

    def _fine(self, image: Tensor, label: int) -> Tensor:
        if self.fine is None:
            raise RuntimeError("the fine map was not asked for")
        weights = contrast_weights(self.fine.head.weight)[label : label + 1]
        maps = weigh_maps(self.fine.features(self.scale(image)), weights)
        return place(maps, self.settings.output_stride, *image.shape[-2:])

    def _beside(self, image: Tensor, label: int) -> Tensor:
        """The mean of all feature maps, and single ones (B, 1 + M, H, W)."""
        features = self.model.features(self.scale(image))
        found = torch.cat([features.mean(dim=1, keepdim=True), features[:, self.singles]], dim=1)
        return stretch(found, *image.shape[-2:])


def load_localizer(
    source: Source, settings: MapSettings, inference: Mapping[str, Any], device: str, trust: list[str]
) -> tuple[Localizer, StoredNetwork]:
    """Loads the classifier of a run.

    Args:
        source: Its checkpoint.
        settings: Of the maps.
        inference: Keys of the section ``inference`` that differ from those of the run.
        device: Where it works: ``cpu``, ``cuda``, ``mps``.
        trust: Packages beside segexp's own whose classes the run may name.

    Raises:
        MismatchError: It is no classifier, or has no output stride that could be smaller.
        ConfigError: There is no such layer.
    """
    stored = load_network(source, trust)
    _classifier(stored)
    fine = None
    if "fine" in settings.methods:
        if "output_stride" not in stored.config.model:
            raise MismatchError(
                f"method=fine: {stored.config.model['_target_']} has no key output_stride; use method=gradcam with "
                "layer=<an earlier layer>, or train model=resnet18"
            )
        fine = _classifier(load_network(source, trust, {"output_stride": settings.output_stride}))
    windows = Inference(**{**vars(stored.config.inference), **inference})
    return Localizer(stored, fine, settings, windows, device), stored


def _classifier(stored: StoredNetwork) -> Classifier:
    if not isinstance(stored.model, Classifier):
        raise MismatchError(
            f"run: {stored.source.name} is a {stored.spec.kind} with {stored.config.model['_target_']}, expected a "
            "classifier whose last layer takes the mean of its maps, as model=resnet18 with task=classification"
        )
    return stored.model


def _layer(model: nn.Module, name: str | None) -> nn.Module | None:
    if name is None:
        return None
    parts: dict[str, nn.Module] = dict(model.named_modules())
    if name not in parts or not name:
        top = ", ".join(part for part in parts if part and "." not in part)
        raise ConfigError(f"layer: found {name}, expected a part of the model that gives maps: {top}, or a part of one")
    return parts[name]
