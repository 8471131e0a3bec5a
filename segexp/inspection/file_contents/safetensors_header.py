"""The header of a .safetensors: types and shapes of its tensors, and the texts beside them; without the package."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segexp.runs.json_yaml import JSON_BYTES, parse_json
from segexp.runs.pickled.tensors import StoredTensor

_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64", "BOOL": "bool",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
}  # fmt: skip
_SIDES = 64


def read_safetensors_header(path: Path) -> tuple[dict[str, str], dict[str, StoredTensor]] | None:
    """Reads the header alone.

    Returns:
        The texts and the tensors by name; None: it is no such file.

    Raises:
        ValueError: It is one, with a header that is damaged, or larger than any of ours.
    """
    with path.open("rb") as file:
        begin = file.read(9)
        size = int.from_bytes(begin[:8], "little")
        if len(begin) < 9 or begin[8:] != b"{" or size > path.stat().st_size - 8:
            return None
        if size > JSON_BYTES:
            raise ValueError(f"its header has {size / 1e6:,.1f} MB, expected at most {JSON_BYTES / 1e6:,.0f} MB")
        header = parse_json((b"{" + file.read(size - 1)).decode("utf-8"))
    texts = header.pop("__metadata__", {})
    if not isinstance(texts, Mapping) or not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("its header has metadata that are no texts")
    return dict(texts), {name: _tensor(name, entry) for name, entry in header.items()}


def _tensor(name: str, entry: Any) -> StoredTensor:
    shape = entry.get("shape") if isinstance(entry, Mapping) else None
    dtype = entry.get("dtype") if isinstance(entry, Mapping) else None
    if not isinstance(dtype, str) or not isinstance(shape, list) or len(shape) > _SIDES:
        raise ValueError(f"its header says nothing of the tensor {name[:80]!r}")
    if not all(isinstance(side, int) and 0 <= side < 2**62 for side in shape):
        raise ValueError(f"its tensor {name[:80]!r} has a side that is no number of values")
    return StoredTensor(_DTYPES.get(dtype, dtype[:20]), tuple(shape))
