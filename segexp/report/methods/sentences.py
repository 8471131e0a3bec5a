"""What was done in a run, in sentences: data, samples, model and training."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath

from segexp.data.sources.data_source import read_sources
from segexp.report import values
from segexp.report.data_set import data_set_name
from segexp.report.markdown import escape_text, format_code
from segexp.report.methods.described_run import DescribedRun, class_name, join_words
from segexp.report.run_page.tables.data import SPLITS
from segexp.runs import entries

PARTS = {"train": "training", "val": "validation", "test": "test"}
AS_IT_COMES = ("official", "parts")
"""Rules of a split that whoever published the data has made."""


def data_sentences(run: DescribedRun, *, alone: bool) -> Iterator[str]:
    """Tells which images there are, how many, of which classes, and how they were split.

    Args:
        run: The run.
        alone: Whether it is the only one; else the folds of a cross-validation are told together.
    """
    yield _data_set(run)
    data = run.contents.run.get("data")
    yield from _counts(run, together=not alone and entries.get_in(data, "split", "rule") == "kfold")
    if classes := [escape_text(name) for name in entries.classes_of(run.contents.results)]:
        yield f"The classes are {join_words(classes)}."
    if where := entries.to_text(entries.get_in(run.contents.results, "task", "where")):
        yield f"What is counted: {escape_text(where)}."
    yield from _split(run, alone=alone)
    skipped = entries.get_in(data, "skipped")
    if isinstance(skipped, list) and skipped:
        yield f"{len(skipped)} files were left out."


def _data_set(run: DescribedRun) -> str:
    name, cited = run.data_name, run.cite("datamodule")
    published = read_sources().get(name)
    if published is not None and not run.known("datamodule.generate"):
        return f"The data are {escape_text(published.title)}{cited}."
    scene = run.known("datamodule.scene")
    if published is not None or scene or run.known("datamodule.generate"):
        return f"The images were drawn by a program: {format_code(str(scene or name))}; they show nothing real."
    reader = run.class_of("datamodule")
    called = data_set_name(run.contents) or "not recorded"
    by = f", read by {reader}" if reader and reader != format_code(called) else ""
    return f"The data are {format_code(called)}{by}{cited} [name the data set and its source]."


def _counts(run: DescribedRun, *, together: bool) -> Iterator[str]:
    data = run.contents.run.get("data")
    counts = {PARTS[part]: entries.get_in(data, part, "images") for part in SPLITS}
    known = {part: count for part, count in counts.items() if isinstance(count, int)}
    named = "; `split.json` of a run names them" if (run.contents.path / "split.json").is_file() else ""
    if known and together:
        yield f"There are {values.format_count(sum(known.values()))} images{named}."
    elif known:
        parts = [f"{values.format_count(count)} {part}" for part, count in known.items()]
        yield f"There are {join_words(parts)} images{named}."


def _split(run: DescribedRun, *, alone: bool) -> Iterator[str]:
    rule = entries.get_in(run.contents.run, "data", "split", "rule")
    seed = entries.to_text(entries.get_in(run.contents.run, "data", "split", "seed"))
    validation = _percent(run.positive("datamodule.val_fraction"))
    rest = f"; {validation} of the images that are not tested validate" if validation else ""
    drawn = f", drawn with seed {seed}" if seed else ""
    if file := run.known("datamodule.split_file"):
        name = format_code(PurePath(str(file)).name)
        lists = entries.get_in(run.contents.run, "data", "split", "parts")
        if not isinstance(lists, list):
            yield f"The split is that of the file {name}."
        else:
            own = f"; {validation or 'a share'} of those for training, drawn at random, validate" * (len(lists) < 3)
            yield f"The split is that of the lists in the folder {name}{own}."
    elif rule == "holdout":
        share = _percent(run.known("datamodule.test_fraction"))
        yield f"The split is random{drawn}: {share or 'a share'} of the images are tested{rest}."
    elif rule == "kfold":
        folds, fold = (entries.to_text(run.known(f"datamodule.{key}")) for key in ("folds", "fold"))
        which = f"fold {fold or '0'} (counted from 0) of {folds} is" if alone else f"each of {folds} folds is once"
        yield f"Cross-validation: {which} tested{drawn}{rest}."
    elif rule in AS_IT_COMES:
        yield f"Which images are tested is as the data set comes{rest}{drawn}."
    elif isinstance(rule, str):
        yield f"The rule of the split is {format_code(rule)}{drawn}."
    if unit := run.known("datamodule.split_by"):
        yield f"No {format_code(str(unit))} is in two parts of the split."
    if stratum := run.known("datamodule.stratum"):
        yield f"Every part has its share of each {format_code(str(stratum))}."


def _percent(share: object) -> str:
    return f"{share:.3g} %".replace(".0 %", " %") if (share := _times_hundred(share)) is not None else ""


def _times_hundred(share: object) -> float | None:
    return 100 * share if isinstance(share, int | float) and not isinstance(share, bool) else None


def sample_sentences(run: DescribedRun) -> Iterator[str]:
    """Tells what is cut out of the images, scaled and changed at random."""
    if "datamodule.crop_size" in run.config:
        yield _crops(run)
    if scaling := run.known("datamodule.normalize"):
        yield SCALING.get(str(scaling), f"Pixel values are scaled by the rule {format_code(str(scaling))}.")
    changes = [
        f"{class_name(change.get('_target_'))}" + (f" (p {change['p']:g})" if _is_number(change.get("p")) else "")
        for change in run.config.get("augment.transforms") or []
        if isinstance(change, Mapping)
    ]
    for key, text in (("rotate", "rotation by up to {:g}°"), ("scale", "zoom by up to exp(±{:g})")):
        if _is_number(amount := run.positive(f"augment.{key}")):
            changes.insert(0, text.format(amount))
    if changes:
        yield f"Training samples are changed at random by {join_words(changes)}{run.cite('augment')}."
    elif "augment._target_" in run.config:
        yield "Training samples are not changed at random."


SCALING = {
    "dataset": "Pixel values are scaled to mean 0 and deviation 1 by channel, as measured on the training images.",
    "image": "Pixel values of each image are scaled to mean 0 and deviation 1 by channel.",
    "imagenet": "Pixel values are scaled by mean and deviation of ImageNet.",
    "unit": "Pixel values are divided by the largest of their type.",
}
"""By the value of ``datamodule.normalize``."""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _crops(run: DescribedRun) -> str:
    size = run.known("datamodule.crop_size")
    if size is None:
        return "Training samples are whole images."
    grid = run.known("datamodule.sampling") == "grid"
    drawn = "the same ones" if run.config.get("datamodule.redraw_crops") is False else "other ones"
    places = "on a regular grid" if grid else f"at random places, {drawn} in each epoch"
    samples = entries.get_in(run.contents.run, "data", "train", "samples")
    amount = f", {values.format_count(samples)} an epoch" if isinstance(samples, int) else ""
    share = _percent(run.positive("datamodule.positive_fraction"))
    more = f"; at least {share} of them hold foreground" if share else ""
    side = f"{values.format_plain(size)} x {values.format_plain(size)}" if _is_number(size) else escape_text(str(size))
    return f"Training samples are crops of {side} pixels {places}{amount}{more}."


def model_sentences(run: DescribedRun) -> Iterator[str]:
    """Says which network a run trained, its size, and what its weights began with."""
    model = run.contents.run.get("model")
    name = format_code(entries.to_text(entries.get_in(model, "name")) or "not recorded")
    kind = run.class_of("model") or run.class_of("task")
    of_class = f", of the class {kind}" if kind and kind != name else ""
    count, trained = (entries.get_in(model, key) for key in ("parameters", "trainable"))
    size = f", with {values.format_count(count)} parameters" if isinstance(count, int) else ""
    part = f", {values.format_count(trained)} of them trained" if isinstance(trained, int) and trained != count else ""
    yield f"The model is {name}{of_class}{run.cite('model') or run.cite('task')}{size}{part}."
    if settings := run.settings("model"):
        yield f"Its settings are {settings}."
    if run.known("model.pretrained"):
        yield "Its encoder began with weights learnt on ImageNet."
    if start := run.known("init_from"):
        yield f"Its weights began as those of {format_code(PurePath(str(start)).name)}, as far as they fit."


def training_sentences(run: DescribedRun) -> Iterator[str]:
    """Says by which loss, optimizer and schedule a run was trained, how long, in which batches and precision."""
    yield from _loss(run)
    if not run.config:
        yield "[The config of the run is not there, or cannot be read: add loss, optimizer and schedule.]"
    elif not run.class_of("optimizer"):
        yield "[Say what is minimised, and by which optimizer: the LightningModule decides it.]"
    if optimizer := run.class_of("optimizer"):
        yield f"The optimizer is {optimizer}{run.cite('optimizer')}{_in_brackets(run.settings('optimizer'))}."
    if schedule := run.class_of("scheduler"):
        left_out = ("interval", "monitor", "max_lr", "total_steps", "T_max", "total_iters")
        moved = " after every step" if run.config.get("scheduler.interval") == "step" else ""
        settings = _in_brackets(run.settings("scheduler", *left_out))
        yield f"The learning rate follows {schedule}{run.cite('scheduler')}{settings}{moved}."
    elif run.class_of("optimizer"):
        yield "The learning rate is constant."
    yield from _length(run)
    others = [
        f"{class_name(value)}{_in_brackets(run.settings(key.removesuffix('._target_')))}"
        for key, value in run.config.items()
        if key.startswith("callbacks.") and key.endswith("._target_") and key.count(".") == 2
    ]
    if others:
        yield f"Callbacks: {join_words(others)}{run.cite('callbacks')}."
    clip = run.positive("trainer.gradient_clip_val")
    if clip is not None:
        yield f"Gradients are clipped at {values.format_plain(clip)}."


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""


def _loss(run: DescribedRun) -> Iterator[str]:
    cited = run.cite("loss")
    terms = {
        key.split(".")[2]: class_name(value)
        for key, value in run.config.items()
        if key.startswith("loss.terms.") and key.count(".") == 3 and key.endswith("._target_")
    }
    if terms:
        weighed = [_weighed(run, name, kind) for name, kind in terms.items()]
        yield f"The loss is the sum of {join_words(weighed)}{cited}."
    elif kind := run.class_of("loss"):
        yield f"The loss is {kind}{cited}{_in_brackets(run.settings('loss'))}."


def _weighed(run: DescribedRun, name: str, kind: str) -> str:
    """A term of a sum with its weight, and with its settings in brackets."""
    weight = run.config.get(f"loss.weights.{name}")
    changes = _in_brackets(run.settings(f"loss.weights.{name}"))
    times = f" times {weight:g}" if _is_number(weight) else f" with a weight that changes{changes}"
    return f"{kind}{times}{_in_brackets(run.settings(f'loss.terms.{name}'))}"


def _length(run: DescribedRun) -> Iterator[str]:
    record = run.contents.run
    batch = entries.get_in(record, "data", "loader", "batch_size") or run.known("datamodule.loader.batch_size")
    most, epochs = run.known("trainer.max_epochs"), record.get("epochs")
    parts = [f"at most {_epochs(most)}"] if isinstance(most, int) and most > 0 else []
    parts += [f"ended after {_epochs(epochs)}"] if isinstance(epochs, int) and epochs != most else []
    parts += [f"batches of {values.format_plain(batch)} samples"] if batch else []
    ranks = record.get("ranks")
    parts += [f"in each of {ranks} processes"] if isinstance(ranks, int) and ranks > 1 else []
    several = run.known("trainer.accumulate_grad_batches")
    parts += [f"{several} batches a step"] if isinstance(several, int) and several > 1 else []
    precision = entries.to_text(entries.get_in(record, "speed", "precision") or run.known("trainer.precision"))
    parts += [f"precision {escape_text(precision)}"] if precision else []
    device = entries.to_text(record.get("device"))
    parts += [f"on {escape_text(device)}"] if device else []
    if parts:
        yield f"Training: {', '.join(parts)}."


def _epochs(count: int) -> str:
    return f"{values.format_count(count)} epoch{'s' * (count != 1)}"
