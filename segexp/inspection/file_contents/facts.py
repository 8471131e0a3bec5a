"""What a file of weights says of its model, as plain values for a page of text or JSON."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from segexp.config.lineage import installed
from segexp.config.migration import migrated_stored
from segexp.config.stored.check import needed
from segexp.config.stored.plain_values import targets
from segexp.errors import SegexpError
from segexp.inspection.file_contents.contents import FileContents
from segexp.inspection.file_contents.verdict import load_refusal
from segexp.runs.checkpoint_format import format_number
from segexp.runs.pickled.tensors import StoredTensor, tensor_of
from segexp.runs.stored_record import BUILT

_MOST = 100
"""Classes, callbacks and names of code that are listed."""


def file_contents_facts(file: FileContents, trust: Collection[str] = ()) -> dict[str, Any]:
    """Gives what a file says of itself, and whether ``load`` takes it.

    Args:
        file: As it was read.
        trust: Packages beside segexp's own whose classes it may name.
    """
    why = load_refusal(file, trust)
    strangers = file.torch_file.strangers if file.torch_file is not None else []
    return {
        "file": str(file.path),
        "bytes": file.path.stat().st_size,
        "kind": file.kind,
        **_origin(file),
        **_model(file),
        **_training(file),
        "weights": _weights(file.weights),
        "code": strangers[:_MOST],
        "load": {"takes_it": not why, "why_not": why or None},
    }


def tensor_rows(weights: Mapping[str, StoredTensor]) -> list[dict[str, Any]]:
    """Gives every weight with its type and sides."""
    return [{"name": name, "dtype": each.dtype, "shape": list(each.shape)} for name, each in weights.items()]


def _origin(file: FileContents) -> dict[str, Any]:
    """Format, and versions of the programs that wrote it."""
    record = file.record or {}
    written = file.content.get("segexp") if file.record is None else record.get("segexp")
    try:
        number: Any = format_number(record) if file.record is not None else None
    except ValueError:
        number = record.get("format")
    return {
        "format": _plain(number),
        "segexp": written if isinstance(written, str) else None,
        "lightning": _plain(file.content.get("pytorch-lightning_version")),
        "producer": _plain(file.content.get("producer")),
    }


def _model(file: FileContents) -> dict[str, Any]:
    """Classes of task, model and data, what the model sees and gives, and the packages that it needs."""
    record = file.record
    if record is None:
        return {name: _plain(file.content.get(key)) for key, name in _EXPORTED.items() if key in file.content}
    config = _config(file, record)
    spec = record.get("spec")
    spec = spec if isinstance(spec, Mapping) else {}
    target = spec.get("target")
    classes = target.get("classes") if isinstance(target, Mapping) else spec.get("classes")
    return {
        **{name: _section(config.get(name)) for name in ("task", "model", "datamodule")},
        "classes": _plain(list(classes[:_MOST]) if isinstance(classes, list | tuple) else None),
        "target": target.get("_target_") if isinstance(target, Mapping) else None,
        **{key: _plain(spec.get(key)) for key in ("in_channels", "dtype", "scaling", "mean", "std", "pixel_size")},
        "packages": _packages(config),
    }


_EXPORTED = {"kind": "task_kind", "channels": "in_channels"} | {key: key for key in (
    "run", "epoch", "monitor", "monitor_value", "classes", "dtype", "scaling", "mean", "std", "threshold", "outputs",
    "pixel_size", "scale",
)}  # fmt: skip
"""What an exported program says of its model, and what it is called here."""


def _config(file: FileContents, record: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        config = migrated_stored(record.get("config"), file.path)
    except SegexpError:  # the verdict says so
        return {}
    return config if isinstance(config, Mapping) else {}


def _section(section: Any) -> dict[str, Any] | None:
    """A block of the config with its plain keys."""
    if not isinstance(section, Mapping):
        return None
    return {str(key): _plain(value) for key, value in list(section.items())[:_MOST] if not isinstance(value, Mapping)}


def _packages(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Packages of the classes that are built again: whether they are there, and whether they need ``trust=``."""
    built = {name: config[name] for name in BUILT if name in config}
    names = dict.fromkeys(target.partition(".")[0] for _, target in targets(built, ()))
    trusted = {name.partition(".")[0] for name in needed(built)}
    return [
        {"name": name, "installed": name.isidentifier() and installed(name), "needs_trust": name in trusted}
        for name in names
    ]


def _training(file: FileContents) -> dict[str, Any]:
    """Epoch, step and the measure by which it was chosen."""
    content = file.content
    if "callbacks" not in content and "epoch" not in content:
        return {}
    callbacks = content.get("callbacks")
    states = dict(list(callbacks.items())[:_MOST]) if isinstance(callbacks, Mapping) else {}
    return {
        "epoch": _plain(content.get("epoch")),
        "step": _plain(content.get("global_step")),
        "best": _best(file, list(states.values())),
        "callbacks": [str(name).partition("{")[0] for name in states],
        "optimizer_state": bool(content.get("optimizer_states")),
    }


def _best(file: FileContents, states: Sequence[Any]) -> dict[str, Any] | None:
    """What ModelCheckpoint keeps of the best epoch."""
    state = next((each for each in states if isinstance(each, Mapping) and each.get("monitor")), None)
    tensor = tensor_of(state.get("best_model_score")) if state is not None else None
    if state is None or tensor is None or file.torch_file is None:
        return None
    return {"monitor": _plain(state["monitor"]), "value": file.torch_file.scalar(tensor)}


def _weights(weights: Mapping[str, StoredTensor]) -> dict[str, Any]:
    """Sums of all weights."""
    by_type = Counter[str]()
    for each in weights.values():
        by_type[each.dtype or "?"] += each.values
    return {
        "tensors": len(weights),
        "values": sum(each.values for each in weights.values()),
        "bytes": sum(each.bytes for each in weights.values()),
        "by_type": dict(by_type.most_common()),
    }


def _plain(value: Any) -> Any:
    """A value as JSON has it: text, number, or a short list of them; the kind of anything else."""
    if isinstance(value, str | bool | float | None):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else "a huge number"
    if isinstance(value, list | tuple):
        return [_plain(each) if isinstance(each, str | int | float | None) else "…" for each in value[:_MOST]]
    return f"a {type(value).__name__}"
