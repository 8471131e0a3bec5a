"""What the pickle of a torch file says of its tensors, and what torch takes of such a file: names alone, no torch."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from segexp.runs.pickled.reader import Made, Named, Outside

SIZES = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint8": 1,
    "uint16": 2, "uint32": 4, "uint64": 8, "bool": 1, "complex32": 4, "complex64": 8, "complex128": 16,
    "float8_e4m3fn": 1, "float8_e5m2": 1, "float8_e4m3fnuz": 1, "float8_e5m2fnuz": 1, "float8_e8m0fnu": 1,
    "quint8": 1, "qint8": 1, "qint32": 4,
}  # fmt: skip
"""Bytes of one value."""
_STORAGES = {
    "Double": "float64", "Float": "float32", "Half": "float16", "BFloat16": "bfloat16", "Long": "int64", "Int": "int32",
    "Short": "int16", "Char": "int8", "Byte": "uint8", "Bool": "bool", "ComplexFloat": "complex64",
    "ComplexDouble": "complex128", "QUInt8": "quint8", "QInt8": "qint8", "QInt32": "qint32",
}  # fmt: skip
_REBUILT = ("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3",
            "torch._utils._rebuild_qtensor")  # fmt: skip
_SIDES, _LARGEST = 64, 2**62
"""Of a tensor: more sides than any has, and more values than memory has bytes."""
_ENTRIES, _NAME = 300_000, 300
"""Entries that are looked at for tensors, and letters of a name."""
_AROUND = ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
           "torch._tensor._rebuild_from_type_v2", "torch.nn.parameter.Parameter")  # fmt: skip


@dataclass(frozen=True)
class StoredTensor:
    """A tensor of a file, without its values.

    Attributes:
        dtype: ``float32``; empty where the file does not say.
        shape: Its sides.
        key: Name of its values in the file; empty where they lie nowhere.
        held: Values that the file says it holds of it.
        offset: Of its first value, in values.
    """

    dtype: str
    shape: tuple[int, ...]
    key: str = ""
    held: int = 0
    offset: int = 0

    @property
    def values(self) -> int:
        """Number of values of the tensor."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Bytes that the values of the tensor take."""
        return self.values * SIZES.get(self.dtype, 4)


def tensor_of(value: Any) -> StoredTensor | None:
    """The tensor that an entry of a pickle is; None: it is something else.

    Raises:
        ValueError: It says to be one, of sides that none can have.
    """
    if isinstance(value, StoredTensor):
        return value
    if not isinstance(value, Made) or not isinstance(value.maker, Named) or not isinstance(value.arguments, tuple):
        return None
    name, arguments = value.maker.name, value.arguments
    if name in _AROUND and arguments:
        inside = next((each for each in arguments if isinstance(each, Made | tuple)), None)
        if isinstance(inside, tuple) and name.endswith("_from_type_v2"):
            inside = Made(arguments[0], inside)
        return tensor_of(inside)
    if name not in _REBUILT or len(arguments) < 3 or not isinstance(arguments[0], Outside):
        return None
    return _dense(arguments)


def _dense(arguments: tuple[Any, ...]) -> StoredTensor:
    number, offset, shape = arguments[0].number, arguments[1], arguments[2]
    if not (isinstance(number, tuple) and len(number) >= 5) or not isinstance(shape, tuple) or len(shape) > _SIDES:
        raise ValueError("a tensor has no values, or no sides")
    if not all(isinstance(side, int) and 0 <= side < _LARGEST for side in (*shape, offset, number[4])):
        raise ValueError("a tensor has a side that is no number of values")
    storage = number[1].name.rpartition(".")[2] if isinstance(number[1], Named) else ""
    dtype = _STORAGES.get(storage.removesuffix("Storage"), "")
    given = next((each.name for each in arguments[3:] if isinstance(each, Named)), "")
    if storage == "UntypedStorage" and given.startswith("torch."):
        dtype = given.removeprefix("torch.")
        return StoredTensor(dtype, shape, str(number[2]), number[4] // SIZES.get(dtype, 1), offset)
    return StoredTensor(dtype, shape, str(number[2]), number[4], offset)


def tensors_in(value: Any) -> Iterator[tuple[str, StoredTensor]]:
    """All tensors in a value of dicts and lists, by dotted name; of one that holds itself, the first ones."""
    waiting: list[tuple[str, Any]] = [("", value)]
    left = _ENTRIES
    while waiting and left > 0:
        name, each = waiting.pop()
        left -= 1
        if (tensor := tensor_of(each)) is not None:
            yield name, tensor
        elif isinstance(each, Mapping | list | tuple) and len(name) < _NAME:
            entries = each.items() if isinstance(each, Mapping) else enumerate(each)
            # No more than will be looked at: a few bytes can stand for lists in lists without end.
            below = list(islice(entries, max(0, left - len(waiting))))
            waiting += [(f"{name}.{key}"[not name :], item) for key, item in reversed(below)]


_CONTAINERS = ("collections.OrderedDict", "collections.Counter", "builtins.set", "builtins.complex", "_codecs.encode",
               "builtins.bytearray", "torch.Size", "torch.device", "torch.serialization._get_layout")  # fmt: skip
_OTHERS = ("torch.Tensor", "torch.storage.TypedStorage", "torch.storage.UntypedStorage", "torch.QUInt2x4Storage",
           "torch.QUInt4x2Storage", *(f"torch._utils._rebuild_{what}" for what in (
               "device_tensor_from_cpu_tensor", "device_tensor_from_numpy", "meta_tensor_no_storage", "nested_tensor",
               "sparse_tensor", "wrapper_subclass")))  # fmt: skip
_KINDS = ("float4_e2m1fn_x2", "quint2x4", "quint4x2", "bits1x8", "bits2x4", "bits4x2", "bits8", "bits16",
          *(f"{sign}int{bits}" for sign in ("", "u") for bits in range(1, 8)))  # fmt: skip
_QUANTIZED = ("per_channel_affine", "per_channel_affine_float_qparams", "per_channel_symmetric", "per_tensor_affine",
              "per_tensor_symmetric")  # fmt: skip


def _classes() -> Iterator[str]:
    for name in _STORAGES:
        yield f"torch.{name}Storage"
        if not name.startswith("Q"):
            yield f"torch.cuda.{name}Storage"
        if not name.startswith(("Q", "Complex")):
            yield from (f"torch.{place}{name}Tensor" for place in ("", "cuda."))
            yield from (f"torch.{place}sparse.{name}Tensor" for place in ("", "cuda.") if name != "Bool")


TAKEN = frozenset(
    [*_CONTAINERS, *_REBUILT, *_AROUND, *_OTHERS, *_classes()]
    + [f"torch.{name}" for name in (*SIZES, *_KINDS, *_QUANTIZED)]
)
"""The classes and functions that ``torch.load(weights_only=True)`` takes; others it refuses before it imports them."""
