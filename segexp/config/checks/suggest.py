"""The name that was meant by a wrong one: better none than a wrong one."""

from collections.abc import Iterable, Sequence

SYNONYMS: dict[str, tuple[str, ...]] = {
    "arch": ("model",),
    "architecture": ("model",),
    "net": ("model",),
    "network": ("model",),
    "criterion": ("loss",),
    "optim": ("optimizer",),
    "sched": ("scheduler",),
    "lr_scheduler": ("scheduler",),
    "aug": ("augment",),
    "augmentation": ("augment",),
    "augmentations": ("augment",),
    "transforms": ("augment",),
    "data": ("datamodule",),
    "dataset": ("datamodule",),
    "data_dir": ("datamodule.root",),
    "data_path": ("datamodule.root",),
    "data_root": ("datamodule.root",),
    "batch_size": ("datamodule.loader.batch_size",),
    "bs": ("datamodule.loader.batch_size",),
    "train_batch_size": ("datamodule.loader.batch_size",),
    "val_batch_size": ("datamodule.loader.eval_batch_size",),
    "test_batch_size": ("datamodule.loader.eval_batch_size",),
    "img_size": ("datamodule.crop_size",),
    "image_size": ("datamodule.crop_size",),
    "input_size": ("datamodule.crop_size",),
    "patch_size": ("datamodule.crop_size",),
    "val_split": ("datamodule.val_fraction",),
    "test_split": ("datamodule.test_fraction",),
    "model": ("run",),
    "model_path": ("run",),
    "image": ("input",),
    "images": ("input",),
    "photos": ("input",),
    "files": ("input",),
    "class": ("label",),
    "class_name": ("label",),
    "model_name": ("model",),
    "loss_fn": ("loss",),
    "loss_function": ("loss",),
    "optimizer_name": ("optimizer",),
    "workers": ("datamodule.loader.num_workers",),
    "learning_rate": ("optimizer.lr",),
    "wd": ("optimizer.weight_decay",),
    "epochs": ("trainer.max_epochs",),
    "num_epochs": ("trainer.max_epochs",),
    "n_epochs": ("trainer.max_epochs",),
    "epoch": ("trainer.max_epochs",),
    "nb_epochs": ("trainer.max_epochs",),
    "amp": ("trainer.precision", "speed.precision"),
    "fp16": ("trainer.precision", "speed.precision"),
    "device": ("trainer.accelerator",),
    "cuda": ("trainer.accelerator",),
    "use_cuda": ("trainer.accelerator",),
    "n_gpus": ("trainer.devices",),
    "ngpus": ("trainer.devices",),
    "nodes": ("trainer.num_nodes",),
    "gpu": ("trainer.devices",),
    "gpus": ("trainer.devices",),
    "num_gpus": ("trainer.devices",),
    "grad_clip": ("trainer.gradient_clip_val",),
    "clip_grad": ("trainer.gradient_clip_val",),
    "ckpt_path": ("resume", "run"),
    "ckpt": ("resume", "run"),
    "checkpoint": ("resume", "run"),
    "checkpoint_path": ("resume", "run"),
    "resume_from": ("resume",),
    "resume_from_checkpoint": ("resume", "run"),
    "init": ("init_from",),
    "weights": ("init_from",),
    "pretrained": ("init_from",),
    "default_root_dir": ("output_dir",),
    "save_dir": ("output", "out", "output_dir"),
    "log_dir": ("output_dir",),
    "out_dir": ("output", "out", "output_dir"),
    "results_dir": ("output", "out", "output_dir"),
    "output_dir": ("output", "out"),
    "output_path": ("output", "out", "output_dir"),
    "output": ("out", "output_dir"),
    "out": ("output",),
    "dest": ("output", "out", "output_dir"),
    "task_name": ("name",),
    "exp_name": ("name",),
    "experiment_name": ("name",),
    "run_name": ("name",),
    "random_seed": ("seed",),
    "manual_seed": ("seed",),
}
"""What others call a key or group of ours; proposed only where that key is in the config."""


def nearest(word: str, valid: Iterable[str]) -> str | None:
    """The valid name that ``word`` is a misspelling of, or None when there is none, or several.

    Keys with dots may also stand in the wrong block, or without one: the last part decides, first among keys of the
    same block. What others call a key of that block comes before what is spelt alike: ``trainer.device`` is the
    accelerator. A word that is no misspelling finds the one name that it begins, ``crop`` for ``crop_size``, or
    nothing: ``max_epochs`` is not ``panel_epochs``.
    """
    names = list(dict.fromkeys(valid))
    block, _, last = word.rpartition(".")
    inside = [name for name in names if name.rpartition(".")[0] == block]
    meant = synonym(word, inside) if block else None
    found = meant if meant is not None else _closest(last, inside)
    if block and last in _VAGUE:
        return found
    if found is None and (ending := _alone(word, names)) is not None:
        return ending
    if found is None and (meant := synonym(word, names)) is not None:
        return meant
    if found is None and (corrected := _corrected_block(word, names)) is not None:
        return corrected
    if found is None and len(last) > _SHORT:
        found = _closest(last, [name for name in names if name not in inside])
    return found if found is not None else _begun(last, inside) or (None if block else _begun(last, names))


def nearest_choice(word: str, choices: Sequence[str]) -> str | None:
    """The value that was meant by a wrong one: a misspelling of it, or its beginning, ``gauss`` for ``gaussian``."""
    begun = [choice for choice in choices if len(word) > _SHORT and choice.startswith(word.casefold())]
    return _closest(word, choices) or (begun[0] if len(begun) == 1 else None)


def _begun(word: str, names: Sequence[str]) -> str | None:
    """The one name of which ``word`` is the first words, or the beginning, or one of the words; the first that is one.

    ``batch`` is batch_size rather than eval_batch_size, and ``out`` is output_dir.
    """
    if len(word) <= _SHORT:
        return None
    last = {name: name.rpartition(".")[2] for name in names}
    ways = (
        [name for name in names if last[name].startswith(f"{word}_")],
        [name for name in names if last[name].startswith(word)],
        [name for name in names if word in last[name].split("_")],
    )
    return next((found[0] if len(found) == 1 else None for found in ways if found), None)


_SHORT = 2
"""Letters of a word that is near everything."""


_VAGUE = ("name", "mode", "type")
"""Words that mean something else in every block."""


def synonym(word: str, names: Sequence[str]) -> str | None:
    """The key that ``word``, or its last part, is called here, if it is among ``names``."""
    block, _, last = word.rpartition(".")
    for key in SYNONYMS.get(last, ()):
        # A group has no place inside a block.
        if key in names and ("." in key or not block or key not in _GROUPS):
            return key
    return None


_GROUPS = {"model", "loss", "optimizer", "scheduler", "augment", "datamodule"}


def _alone(word: str, names: Sequence[str]) -> str | None:
    """The one key that ends as ``word`` does, by as many parts as possible and in the same group if it can be."""
    parts = word.split(".")
    for count in range(len(parts), 0, -1):
        end = parts[-count:]
        found = [name for name in names if name.split(".")[-count:] == end and name != word]
        own = [name for name in found if name.split(".")[0] == parts[0]] if len(parts) > 1 else []
        for few in (own, found):
            if len(few) == 1:
                return few[0]
        if found:
            return None
    return None


def in_group(word: str, groups: Sequence[str]) -> str | None:
    """The key with the group that was meant by a misspelt or foreign first part: ``data.root`` is datamodule.root."""
    first, dot, rest = word.partition(".")
    if not dot or first in groups:
        return None
    top = next((key for key in SYNONYMS.get(first, ()) if key in groups), None) or _closest(first, groups)
    return f"{top}.{rest}" if top is not None else None


def _corrected_block(word: str, names: Sequence[str]) -> str | None:
    """The key in the group that was meant by the first part."""
    meant = in_group(word, [name for name in names if "." not in name])
    if meant is None or meant in names:
        return meant
    top, _, rest = meant.partition(".")
    return _alone(meant, names) or _closest(rest, [name for name in names if name.startswith(f"{top}.")])


def _closest(last: str, names: Sequence[str]) -> str | None:
    """The one name whose last part is a misspelling of ``last``."""
    distances = {name: _misspelling(last, name.rpartition(".")[2]) for name in names}
    near = {name: distance for name, distance in distances.items() if distance is not None}
    best = [name for name, distance in near.items() if distance == min(near.values())]
    # unt is unet and cunet, but the first letter is seldom the wrong one.
    same = [name for name in best if name.rpartition(".")[2][:1] == last[:1]]
    for few in (best, same):
        if len(few) == 1:
            return few[0]
    return None


def _misspelling(word: str, name: str) -> int | None:
    """How many letters are wrong, or None where they are too many for a slip; case and dashes do not count.

    Words joined by ``_`` are compared one by one, or ``min_epochs`` would be ``max_epochs``.
    """
    one, other = (text.casefold().replace("-", "_") for text in (word, name))
    if one.replace("_", "") == other.replace("_", ""):
        return 0
    pairs = list(zip(one.split("_"), other.split("_"), strict=False))
    if one.count("_") != other.count("_"):
        pairs = [(one, other)]
    distances = [(_edits(a, b), max(len(a), len(b))) for a, b in pairs]
    if any(edits > _slips(length) for edits, length in distances):
        return None
    total = sum(edits for edits, _ in distances)
    return total if total <= _slips(min(len(one), len(other))) else None


def _slips(letters: int) -> int:
    """Wrong letters that a word of so many may have."""
    return 0 if letters < _SHORT else 1 if letters <= 5 else 2


def _edits(one: str, other: str) -> int:
    """Letters to add, remove, change, or to swap with the next (Damerau 1964, optimal string alignment)."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and b == one[i - 2]:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]


def did_you_mean(word: str, valid: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` with a leading blank, or the list of valid names where none is close."""
    names = sorted(set(valid))
    best = nearest(word, names)
    if best is not None:
        return f" Did you mean '{best}'?"
    return f" Valid: {', '.join(names)}." if names else ""
