"""``localize``: where a classifier sees a class, in images of any size, and how well that fits the objects."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from segexp.config.command_schema import LocalizeConfig
from segexp.errors import ConfigError, SegexpError
from segexp.inference.localize.baselines import COLOUR
from segexp.inference.localize.image_work import ImageWork, PeakRule
from segexp.inference.localize.kept import KeptImages, identity_of
from segexp.inference.localize.localizer import Localizer, load_localizer
from segexp.inference.localize.outputs import FACTS, Outputs, open_folder
from segexp.inference.localize.pseudo_masks import MaskRule
from segexp.inference.localize.settings import MapSettings
from segexp.inference.localize.training_size import TrainingSize, proposed_scale, training_size
from segexp.inference.localize.truth import Objects, of_images, read_objects
from segexp.inference.predict.command import separate_duplicates
from segexp.inference.predict.engines.base import PROGRESS_BARS
from segexp.inference.predict.identity import digest_address, digest_content
from segexp.inference.predict.inputs import Input, find_inputs
from segexp.inference.stopping import told_when_stopped
from segexp.inference.stored_network import StoredNetwork
from segexp.rasters import Limit
from segexp.runs.checkpoints import Source, find_sources
from segexp.runs.console import LOG, start_console
from segexp.training.hardware import device_type

FAR = 1.25
"""A scale further than this factor from the training images' is warned of."""


class LocalizationFailed(SegexpError):
    """Some images could not be looked at; the others were."""


def localize_files(config: LocalizeConfig, command: Sequence[str] = ()) -> str:
    """Looks at all images of ``input``; those that an earlier call with the same weights and settings did are skipped.

    Args:
        config: Checked and resolved, see conf/localize.yaml.
        command: Words by which it was started, to be proposed again after Ctrl-C; empty: by a program.

    Returns:
        The last lines for the terminal.

    Raises:
        UserError: Model, settings, ``input``, boxes or centres are at fault; nothing is written.
        LocalizationFailed: Some images could not be looked at.
    """
    start_console()
    output = Path(config.output).expanduser()
    settings, rule = map_settings(config), MaskRule(config.mask.threshold, config.mask.band)
    known = read_objects(config.boxes, config.centres)
    files = find_inputs(config.input, output)
    objects = None if known is None else of_images(known, [file.stem.name for file in files], _truth_key(config))
    source = _one_source(config)
    inference = {key: value for key, value in vars(config.inference).items() if value is not None}
    device = device_type(config.device, "device")
    localizer, stored = load_localizer(source, settings, inference, device, _packages(config))
    size = training_size(stored)
    scale = _scale(config, size, files)
    peaks = PeakRule(config.distance, config.peaks, config.floor)
    work = ImageWork(localizer, _label(config, stored), scale, size.side, peaks, Limit(config.image_limit))
    made = _made(config, localizer, source, peaks, rule, scale, known)
    folder = open_folder(output, made, overwrite=config.overwrite)
    outputs = Outputs(folder, stored.spec.classes, config.write, rule, objects, config.radius)
    _announce(stored, files, output, scale, size)
    facts = {
        "run": source.name, "classes": list(stored.spec.classes), "scale": scale, "settings": asdict(settings),
        "mask": asdict(rule), "radius": config.radius, "made": made,
        "singles": "strongest" if settings.strongest else localizer.singles,
    }  # fmt: skip
    folder.write_json(FACTS, {**facts, "state": "running"})
    kept = KeptImages(folder.path, anew=config.overwrite)
    failed, skipped = _run(work, files, outputs, kept, config, command)
    done = len(files) - len(failed) - skipped
    table = outputs.finish(
        {**facts, "state": "finished", "images": done + skipped, "failed": failed},
        COLOUR,
        config.bootstrap,
        config.seed,
    )
    text = f"{done} done{f', {skipped} skipped' * bool(skipped)}{f', {len(failed)} failed' * bool(failed)}"
    text = f"{text}; see {folder.path}"
    text = f"{table}\n\n{text}" if table else text
    if failed:
        raise LocalizationFailed(text)
    return text


def _run(
    work: ImageWork, files: Sequence[Input], outputs: Outputs, kept: KeptImages, config: LocalizeConfig,
    command: Sequence[str],
) -> tuple[list[str], int]:  # fmt: skip
    """Works on all files; gives the names of those that failed, each told, and how many were done before."""
    single, doubles = separate_duplicates(files)
    failed, done, skipped = [double.file.name for double in doubles], 0, 0
    for double in doubles:
        LOG.error(double.error)
    hidden = {None: None, True: False, False: True}[PROGRESS_BARS[config.progress]]
    with told_when_stopped(command, lambda: f"{done + skipped} of {len(files)} images are done", "go on with"):
        for file in tqdm(single, "images", unit="image", disable=hidden):
            try:
                if (seen := kept.get(file, outputs.written(file.stem))) is not None:
                    outputs.keep(seen, file.stem)
                    skipped += 1
                    continue
                mark = identity_of(file)
                seen = work.run(file)
                outputs.add(seen, file.stem)
                kept.add(file, mark, seen)
                done += 1
            except SegexpError as error:
                if config.debug:
                    raise
                LOG.error(str(error))
                failed.append(file.name)
    return failed, skipped


def _made(
    config: LocalizeConfig, localizer: Localizer, source: Source, peaks: PeakRule, rule: MaskRule, scale: float,
    known: Mapping[str, Objects] | None,
) -> dict[str, Any]:  # fmt: skip
    """What decides the results beside the images, plain: of other weights or settings nothing is gone on with."""
    windows = {key: value for key, value in asdict(localizer.inference).items() if key != "batch_size"}
    places = [
        (name, each.centres.tolist(), None if each.boxes is None else each.boxes.tolist())
        for name, each in (known or {}).items()
    ]
    plain = {
        "weights": digest_content(source.checkpoint), "settings": asdict(localizer.settings), "scale": scale,
        "label": config.label, "write": sorted(config.write), "mask": asdict(rule), "peaks": asdict(peaks),
        "inference": windows, "objects": digest_address(repr(sorted(places, key=str))) if places else None,
    }  # fmt: skip
    found: dict[str, Any] = json.loads(json.dumps(plain))
    return found


def map_settings(config: LocalizeConfig) -> MapSettings:
    """Makes the settings of the maps.

    Raises:
        ConfigError: No method is named, or a key is without effect.
    """
    methods = [config.method] if isinstance(config.method, str) else list(dict.fromkeys(config.method))
    if not methods:
        raise ConfigError("method: is empty; name one or more of lecture, gradcam, fine, as in method=fine")
    if config.layer is not None and "gradcam" not in methods:
        raise ConfigError(f"layer: found {config.layer}, but it is of method=gradcam, which is not asked for; add it")
    return MapSettings(
        tuple(methods), config.output_stride, config.smooth, config.views, config.layer, config.singles, config.seed,
        config.colour_blur, strongest=config.boxes is None and config.centres is None,
    )  # fmt: skip


def _truth_key(config: LocalizeConfig) -> str:
    return "boxes" if config.boxes is not None else "centres"


def _packages(config: LocalizeConfig) -> list[str]:
    return [config.trust] if isinstance(config.trust, str) else list(config.trust)


def _one_source(config: LocalizeConfig) -> Source:
    sources = find_sources(config.run, config.checkpoint)
    if len(sources) != 1:
        raise ConfigError(f"run: found {len(sources)} runs, expected one; maps are those of one network")
    return sources[0]


def _label(config: LocalizeConfig, stored: StoredNetwork) -> int | None:
    classes = stored.spec.classes
    if config.label is None:
        return None
    if config.label not in classes:
        raise ConfigError(f"label: found {config.label}, expected one of {', '.join(classes)}")
    return classes.index(config.label)


def _scale(config: LocalizeConfig, size: TrainingSize, files: Sequence[Input]) -> float:
    if config.scale != "auto":
        return float(config.scale)
    if size.factor is None:
        raise ConfigError(
            f"scale: found auto, but training images were resized to {size.side} pixels and the run does not say from "
            f"what size; give {proposed_scale(size.side, files)}"
        )
    return size.factor


def _announce(stored: StoredNetwork, files: Sequence[Input], output: Path, scale: float, size: TrainingSize) -> None:
    LOG.info(f"run         {stored.source.name}")
    LOG.info(f"classes     {', '.join(stored.spec.classes)}")
    LOG.info(f"files       {len(files)}, maps into {output}")
    LOG.info(f"scale       {scale:.4g}; {size.words()}")
    if size.factor is not None and not 1 / FAR <= scale / size.factor <= FAR:
        LOG.warning(
            f"scale: images are seen at {scale:.3g} times their size, training images at {size.factor:.3g} times "
            "theirs: objects must have the size that they had in training; scale=auto takes that, for images of the "
            "same magnification"
        )
