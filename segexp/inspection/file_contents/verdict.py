"""Whether ``segexp.load`` takes a file, by the checks that it makes itself before it builds anything."""

from collections.abc import Collection, Mapping
from typing import Any

from segexp.config.experiment import RunConfig
from segexp.config.stored.check import check_stored
from segexp.errors import DataError, SegexpError, one_line
from segexp.inspection.file_contents.contents import (
    CHECKPOINT,
    LIGHTNING,
    ONNX,
    SAFETENSORS,
    TORCH_EXPORT,
    TORCHSCRIPT,
    FileContents,
)
from segexp.runs.archive import check_archive
from segexp.runs.pickled.tensors import SIZES, StoredTensor, tensor_of
from segexp.runs.pickled.torch_file import storage_bytes
from segexp.runs.stored_record import refuse_stranger, stored_config
from segexp.spec import DataSpec, Target

_OPERATIONS = frozenset({
    "GLOBAL", "NEWOBJ", "REDUCE", "BUILD", "APPEND", "APPENDS", "SETITEM", "SETITEMS", "MARK", "TUPLE", "TUPLE1",
    "TUPLE2", "TUPLE3", "NONE", "NEWFALSE", "NEWTRUE", "EMPTY_TUPLE", "EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET", "BININT",
    "BININT1", "BININT2", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING", "BINPERSID", "BINGET", "LONG_BINGET", "BINPUT",
    "LONG_BINPUT", "LONG1", "PROTO", "STOP",
})  # fmt: skip
"""Of pickles, those that ``torch.load(weights_only=True)`` knows."""
_PREFIX = "model."
"""Begins the names of the network's weights in a checkpoint of segexp."""
_RUNS_AS_IT_IS = "is a program: run it by {by}; segexp loads checkpoints and .safetensors"
_RUNTIMES = {ONNX: "onnxruntime", TORCHSCRIPT: "torch.jit.load", TORCH_EXPORT: "torch.export.load"}


def load_refusal(file: FileContents, trust: Collection[str] = ()) -> str:
    """Says why ``load`` would refuse a file; empty: it takes it, if the shapes of its weights are those of its model.

    Args:
        file: As it was read.
        trust: Packages beside segexp's own whose classes it may name.
    """
    if file.kind in _RUNTIMES:
        return f"{file.path}: {_RUNS_AS_IT_IS.format(by=_RUNTIMES[file.kind])}"
    try:
        if file.torch_file is not None:
            _check_pickle(file)
        _check_record(file, trust)
    except SegexpError as error:
        return str(error)
    except Exception as error:  # entries of a stranger are of any kind
        return f"{file.path}: is no checkpoint of segexp ({one_line(error)})"
    return ""


def _check_pickle(file: FileContents) -> None:
    """What torch refuses, and damaged values.

    Raises:
        DataError: There is such a thing.
    """
    check_archive(file.path)
    torch_file = file.torch_file
    if torch_file is None:
        return
    if torch_file.strangers:
        raise DataError(f"{file.path}: is no checkpoint of segexp ({torch_file.described_strangers()})")
    if others := torch_file.content.operations - _OPERATIONS:
        raise DataError(
            f"{file.path}: its pickle has the operation {min(others)}, which weights_only=True does not take"
        )


def _check_record(file: FileContents, trust: Collection[str]) -> None:
    """The checks of :func:`segexp.inference.stored_network.load_network`, but for the network itself.

    Raises:
        SegexpError: There is something that it refuses.
    """
    if file.kind == LIGHTNING:
        refuse_stranger(file.content, file.path)
    record = file.content.get("segexp") if file.kind == CHECKPOINT else file.record
    if record is None:
        what = "its header has no record" if file.kind == SAFETENSORS else f"it is a {file.kind}"
        raise DataError(
            f"{file.path}: is no checkpoint of segexp ({what}); init_from={file.path} starts from its weights"
        )
    config = stored_config(record, file.path, trust)
    DataSpec.from_dict(record["spec"], lambda name: _unread_target(file, trust, name))
    if file.kind == CHECKPOINT:
        _check_weights(file)
    RunConfig.from_plain(config)


class _UnreadTarget(Target):
    """Stands for the target of a task of somebody else: its class is not imported."""

    kind = ""

    @property
    def out_channels(self) -> int:
        """Not known."""
        return 1

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "_UnreadTarget":
        """Looks at nothing."""
        return cls()


def _unread_target(file: FileContents, trust: Collection[str], name: str) -> type[Target]:
    check_stored({"target": {"_target_": name}}, file.path, trust, built=("target",))
    return _UnreadTarget


def _check_weights(file: FileContents) -> None:
    """Weights that are none, or have values that the file does not hold.

    Raises:
        DataError: There is one.
    """
    state = file.torch_file.content.value.get("state_dict") if file.torch_file is not None else None
    if not isinstance(state, Mapping):
        raise DataError(f"{file.path}: is no checkpoint of segexp (its weights are a {type(state).__name__})")
    held = storage_bytes(file.torch_file) if file.torch_file is not None else {}
    named = {str(name): value for name, value in state.items() if str(name).startswith(_PREFIX)}
    for name, value in named.items():
        short, tensor = name.removeprefix(_PREFIX), tensor_of(value)
        if tensor is None:
            raise DataError(f"{file.path}: is no checkpoint of segexp (its weight {short} is a {type(value).__name__})")
        _check_values(file, short, tensor, held)


def _check_values(file: FileContents, name: str, tensor: StoredTensor, held: Mapping[str, int]) -> None:
    size = SIZES.get(tensor.dtype, 1)
    if tensor.values > tensor.held or (held and held.get(tensor.key, 0) < tensor.held * size):
        raise DataError(f"{file.path}: the weight {name} says it is {tensor.shape}, more than the file holds")
