"""What an ONNX file says of itself: its producer, metadata, inputs and weights, read from the bytes of the message.

A message of protocol buffers is a list of fields: a number, a kind, and a value or so many bytes. Values of weights are
passed over. The numbers of the fields are those of onnx.proto.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from segexp.runs.pickled.tensors import StoredTensor

_MODEL_VERSION, _PRODUCER, _GRAPH, _METADATA = 3, 2, 7, 14
_INITIALIZER, _DIMS, _TYPE, _NAME = 5, 1, 2, 8
_MOST_FIELDS, _MOST_TEXT = 2_000_000, 32_000_000
_DTYPES = {1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool",
           10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 16: "bfloat16"}  # fmt: skip
_SIDES = 64


@dataclass
class OnnxHeader:
    """Header of an ONNX file: its producer, metadata and weights by name.

    Attributes:
        producer: Program that wrote it.
        texts: Its metadata.
        tensors: Its weights by name.
    """

    producer: str = ""
    texts: dict[str, str] = field(default_factory=dict)
    tensors: dict[str, StoredTensor] = field(default_factory=dict)


def read_onnx_header(path: Path) -> OnnxHeader | None:
    """Reads the message without the values of its weights.

    Returns:
        None: It is no such message.

    Raises:
        ValueError: It begins as one, and is cut short or has more fields than any of ours.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(1) != b"\x08":
            return None
        reader = _Reader(file)
        found, graphs = OnnxHeader(), 0
        for number, start, end in reader.fields(0, size):
            if number == _PRODUCER:
                found.producer = reader.text(start, end)
            elif number == _METADATA:
                key, text = _pair(reader, start, end)
                found.texts[key] = text
            elif number == _GRAPH:
                graphs += 1
                found.tensors |= dict(_weights(reader, start, end))
    return found if graphs else None


def _pair(reader: "_Reader", start: int, end: int) -> tuple[str, str]:
    parts = {number: reader.text(first, last) for number, first, last in reader.fields(start, end)}
    return parts.get(1, ""), parts.get(2, "")


def _weights(reader: "_Reader", start: int, end: int) -> Iterator[tuple[str, StoredTensor]]:
    for number, first, last in reader.fields(start, end):
        if number == _INITIALIZER:
            yield _weight(reader, first, last)


def _weight(reader: "_Reader", start: int, end: int) -> tuple[str, StoredTensor]:
    name, dtype, shape = "", "", list[int]()
    for number, first, last in reader.fields(start, end):
        if number == _NAME:
            name = reader.text(first, last)
        elif number == _TYPE:
            dtype = _DTYPES.get(reader.number_at(first), "")
        elif number == _DIMS:
            shape += reader.numbers(first, last)
        if len(shape) > _SIDES:
            raise ValueError("a weight has more sides than any has")
    return name, StoredTensor(dtype, tuple(shape))


class _Reader:
    """Fields of a message in a file: their numbers and places."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._left, self._texts = file, _MOST_FIELDS, _MOST_TEXT

    def fields(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Number of each field, and the begin and end of its value."""
        place = start
        while place < end:
            self._left -= 1
            if self._left < 0:
                raise ValueError(f"it has more than {_MOST_FIELDS:,} fields")
            tag, place = self._varint(place)
            kind = tag & 7
            if kind == 0:
                _, after = self._varint(place)
            elif kind == 2:
                length, place = self._varint(place)
                after = place + length
            elif kind in (1, 5):
                after = place + (8 if kind == 1 else 4)
            else:
                raise ValueError("it is no ONNX, or damaged")
            if after > end:
                raise ValueError("it is cut short, or no ONNX")
            yield tag >> 3, place, after
            place = after

    def text(self, start: int, end: int) -> str:
        """A text; of all texts together no more than some MB are read."""
        self._texts -= end - start
        if self._texts < 0:
            raise ValueError(f"its texts have more than {_MOST_TEXT / 1e6:.0f} MB")
        self._file.seek(start)
        return self._file.read(end - start).decode("utf-8", "replace")

    def number_at(self, place: int) -> int:
        """A whole number."""
        return self._varint(place)[0]

    def numbers(self, start: int, end: int) -> list[int]:
        """Numbers that stand one behind the other."""
        found, place = list[int](), start
        while place < end and len(found) <= _SIDES:
            number, place = self._varint(place)
            found.append(number)
        return found

    def _varint(self, place: int) -> tuple[int, int]:
        self._file.seek(place)
        number, content = 0, self._file.read(10)
        for count, byte in enumerate(content):
            number |= (byte & 127) << (7 * count)
            if byte < 128:
                return number, place + count + 1
        raise ValueError("it is cut short, or no ONNX")
