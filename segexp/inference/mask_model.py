"""The model of a segmentation, or of several as an ensemble: threshold, views and scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from segexp.errors import ConfigError, MismatchError
from segexp.inference.members import NoLoss, RunModel
from segexp.inference.model import Model, threshold_logit
from segexp.metrics.log_odds import probability
from segexp.rasters import Limit
from segexp.tasks.ensemble import EnsembleModule
from segexp.tasks.segmentation import Segmentation
from segexp.tasks.tta import Precision, Tta
from segexp.windows.rescale import Rescale, read_scale, refuse_unlike


@dataclass(frozen=True)
class MaskSettings:
    """Settings of the inference of a segmentation; see :func:`load`."""

    tta: Tta | None = None
    threshold: float | None = None
    inference: dict[str, Any] | None = None
    precision: Precision = "float32"
    scale: float | str | None = None


def mask_model(
    members: Sequence[RunModel[Segmentation]], settings: MaskSettings, bands: Sequence[int] | None, limit: Limit
) -> Model:
    """The model of a segmentation, or the mean of several.

    Raises:
        ConfigError: A setting cannot be.
        MismatchError: They have different classes or channels.
    """
    _check_alike(members)
    first = members[0]
    module = first.module if len(members) == 1 else EnsembleModule([member.module for member in members], NoLoss())
    module = module.seen_by(
        tta=settings.tta or first.config.tta, precision=settings.precision, inference=settings.inference
    )
    module = module.seen_by(rescale=_rescale(members, settings.scale))
    logit, chosen = _threshold(members, module, settings.threshold)
    module = module.at_threshold(logit)
    module.requires_grad_(requires_grad=False)
    sources = [member.source for member in members]
    return Model(module.to(first.module.scale.mean.device), sources, first.config, chosen, bands, limit)


def _rescale(members: Sequence[RunModel[Segmentation]], asked: float | str | None) -> Rescale | None:
    """At which size images are seen; ``auto`` takes that of the first member's training images.

    Raises:
        ConfigError: It is no scale, or ``auto`` with members that were trained on images of unlike sizes.
    """
    first = members[0].module.spec
    asked = members[0].scale if asked is None else asked
    found = read_scale(asked, first.sizes, first.pixel_size)
    for other in members[1:] if asked == "auto" else ():
        there = read_scale(asked, other.module.spec.sizes, other.module.spec.pixel_size)
        refuse_unlike(members[0].source.name, found, other.source.name, there)
    return found


def _threshold(
    members: Sequence[RunModel[Segmentation]], module: Segmentation, given: float | None
) -> tuple[float, dict[str, str]]:
    """The threshold as a logit, and by which rule it was chosen on what, for results.json."""
    if not module.spec.is_binary:
        if given is not None:
            raise ConfigError(
                f"threshold: found {given}, but it is for two classes; of {module.spec.num_classes} the most probable "
                "one is taken"
            )
        return 0.0, {}
    if given is not None:
        if not 0 <= given <= 1:
            raise ConfigError(f"threshold: found {given}, expected a probability from 0 to 1")
        return threshold_logit(given), {"rule": "as given", "chosen_on": "nothing"}
    found = [_chosen(member, module.tta) for member in members]
    if len(found) == 1:
        return found[0]
    mean = sum(probability(logit) for logit, _ in found) / len(found)
    return threshold_logit(mean), {"rule": f"mean of those of {len(found)} runs", "chosen_on": found[0][1]["chosen_on"]}


def _chosen(member: RunModel[Segmentation], tta: Tta) -> tuple[float, dict[str, str]]:
    """The run's own threshold: that of its test, if that saw images in the same views, else of the checkpoint."""
    results: dict[str, Any] = member.source.results
    # Anybody may have written the file.
    tested, task = (found if isinstance(found := results.get(key), dict) else {} for key in ("threshold", "task"))
    if isinstance(tested.get("logit"), int | float) and task.get("tta") == tta:
        return float(tested["logit"]), {"rule": str(tested.get("rule")), "chosen_on": str(tested.get("chosen_on"))}
    views = "" if tta == "none" else ", seen in one view"
    if not member.module.threshold_is_chosen:
        return member.module.threshold, {"rule": "probability 0.5", "chosen_on": "nothing"}
    rule = f"highest Dice of {member.module.spec.classes[1]}"
    return member.module.threshold, {"rule": rule, "chosen_on": f"validation images{views}"}


def _check_alike(members: Sequence[RunModel[Segmentation]]) -> None:
    """An ensemble speaks of one thing."""
    first = members[0]
    for other in members[1:]:
        for what in ("classes", "in_channels", "bands"):
            here, there = getattr(first.module.spec, what), getattr(other.module.spec, what)
            if here != there:
                raise MismatchError(
                    f"run: {first.source.name} has {what} {_words(here)}, {other.source.name} has {_words(there)}; "
                    "runs of an ensemble must agree"
                )


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
