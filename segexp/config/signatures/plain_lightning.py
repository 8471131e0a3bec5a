"""LightningModules and LightningDataModules that know nothing of segexp, read from their source, without torch."""

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from segexp.config.checks.suggest import did_you_mean
from segexp.config.lineage import Definition, ancestors, definition
from segexp.config.signatures.declared_figures import written_figures
from segexp.config.signatures.remembered import remember_found
from segexp.config.signatures.task_figures import BASE
from segexp.errors import ConfigError
from segexp.spec import Direction

DATA = "segexp.data.base.ImageDataModule"
"""Class of segexp's data sets."""
LOWER = frozenset(("loss", "error", "err", "mse", "rmse", "mae", "nll", "perplexity", "wer", "cer", "fid", "hamming"))
HIGHER = frozenset((
    "acc", "accuracy", "iou", "miou", "dice", "f1", "fbeta", "auc", "auroc", "ap", "map", "precision", "recall",
    "score", "jaccard", "kappa", "mcc", "psnr", "ssim", "r2", "specificity", "sensitivity",
))  # fmt: skip
"""Words in the names of figures that say which way is better."""


def is_plain(config: Mapping[str, Any]) -> bool:
    """True if a config trains a LightningModule or on a LightningDataModule that is none of segexp's kind."""
    task, data = config.get("task") or {}, config.get("datamodule") or {}
    return not (comes_from(task.get("_target_"), BASE) and comes_from(data.get("_target_"), DATA))


def has_own_data(datamodule: Mapping[str, Any]) -> bool:
    """True if a block ``datamodule`` names a LightningDataModule that is none of segexp's kind."""
    return not comes_from(datamodule.get("_target_"), DATA)


def comes_from(target: Any, base: str) -> bool:
    """True if a class is below one of segexp's, as far as source tells; True where it does not tell."""
    name = str(target)
    # Classes of segexp's own, of every command: their source need not be read.
    return name.startswith("segexp.") or definition(name) is None or _comes_from(name, base)


@functools.cache
def _comes_from(name: str, base: str) -> bool:
    found = definition(name)
    return found is None or not found.is_class or any(each.dotted == base for each in ancestors(found))


def logged_direction(name: str, task: str, mode: Direction | None) -> Direction:
    """Better direction, "min" or "max", of what a LightningModule logs under a name.

    Args:
        name: For example ``val_loss``.
        task: Dotted name of the module.
        mode: What ``monitor_mode`` says; None: by the module's ``figure_specs``, else by a word in the name.

    Raises:
        ConfigError: Nothing tells.
    """
    if mode is not None:
        return mode
    found = definition(task)
    specs = written_figures(found) if found is not None else None
    if specs and name in specs:
        return specs[name].direction
    guessed = direction_of_words(name)
    if guessed is None:
        raise ConfigError(
            f"monitor: found {name}, of which nothing says whether lower or higher is better; add monitor_mode=min or "
            "monitor_mode=max"
        )
    return guessed


def direction_of_words(name: str) -> Direction | None:
    """The better direction of a figure by the words in its name, ``val_acc`` or ``MeanSquaredError``; None: none."""
    words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+\d?|[A-Z]+\d?|r2|f1", name)}
    if words & LOWER:
        return "min"
    return "max" if words & HIGHER else None


def check_logged(name: str, task: str) -> None:
    """Refuses a name of the test, or one that a LightningModule does not log, as far as its source tells.

    Raises:
        ConfigError: With the nearest name.
    """
    if re.match(r"test[_/]", name):
        raise ConfigError(f"found {name!r}, which is of the test images: they choose nothing; use one of validation")
    known = logged_names(task)
    plain = re.sub(r"(_epoch|_step|/dataloader_idx_\d+)$", "", name)
    if known is None or name in known or plain in known:
        return
    raise ConfigError(
        f"{task} logs nothing as {name!r}.{did_you_mean(name, known)} It logs {', '.join(sorted(known)) or 'nothing'}"
    )


@remember_found
def logged_names(task: str) -> frozenset[str] | None:
    """Names under which a LightningModule logs, written out in its calls of ``self.log`` and ``self.log_dict``.

    Returns:
        None where a name is worked out, or a class above it cannot be read.
    """
    found = definition(task)
    if found is None:
        return None
    names: set[str] = set()
    for each in ancestors(found):
        if each.module.startswith(("lightning.", "pytorch_lightning.")):
            return frozenset(names)
        for name in _logged(each):
            if name is None:
                return None
            names.add(name)
    return None


def _logged(found: Definition) -> Iterator[str | None]:
    """Names in the calls of one class; None for one that is worked out."""
    for node in ast.walk(found.node):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if ast.unparse(node.func.value) != "self" or node.func.attr not in ("log", "log_dict"):
            continue
        given = next((k.value for k in node.keywords if k.arg in ("name", "dictionary")), None)
        value = node.args[0] if node.args else given
        keys = value.keys if isinstance(value, ast.Dict) else [value]
        for key in keys:
            text = key.value if isinstance(key, ast.Constant) else None
            yield text if isinstance(text, str) else None
