"""Changes to the bytes of a file, drawn from a random number generator: the same file for the same seed."""

import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

Draw = random.Random
Change = Callable[[bytes, Draw], bytes]

_EDGES = (0, 1, 2, 3, 7, 8, 15, 16, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)
_HUGE = (2**48, 2**62, 2**63 - 1, 2**63, 2**64 - 1)


def place(content: bytes, draw: Draw) -> int:
    """A byte of a file; half the time one of its first or last, where headers and lists lie."""
    size = len(content)
    if not size:
        return 0
    where = draw.random()
    if where < 0.4:
        return draw.randrange(min(size, draw.choice((16, 64, 256))))
    if where < 0.55:
        return size - 1 - draw.randrange(min(size, 512))
    return draw.randrange(size)


def flip_bits(content: bytes, draw: Draw) -> bytes:
    """One to eight bits."""
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 2, 4, 8))):
        if changed:
            changed[place(content, draw)] ^= 1 << draw.randrange(8)
    return bytes(changed)


def set_bytes(content: bytes, draw: Draw) -> bytes:
    """One to sixteen bytes of one value, or of any."""
    changed, at = bytearray(content), place(content, draw)
    count = min(draw.choice((1, 1, 2, 4, 16)), len(content) - at)
    value = draw.choice((0, 1, 0x7F, 0x80, 0xFF, None))
    changed[at : at + count] = bytes(draw.randrange(256) if value is None else value for _ in range(count))
    return bytes(changed)


def set_number(content: bytes, draw: Draw) -> bytes:
    """A whole number of two, four or eight bytes: a length, a count, an offset, a size."""
    width = draw.choice((1, 2, 2, 4, 4, 4, 8))
    if len(content) < width:
        return content
    at = min(place(content, draw), len(content) - width)
    order: Any = draw.choice(("little", "big"))
    old = int.from_bytes(content[at : at + width], order)
    edges = [*_EDGES, *_HUGE, len(content), len(content) + 1, old + 1, old - 1, old * 2, old * 256, old ^ 0xFFFF]
    new = draw.choice(edges) % 256**width
    return content[:at] + new.to_bytes(width, order) + content[at + width :]


def truncate(content: bytes, draw: Draw) -> bytes:
    """The beginning alone."""
    end = draw.choice((draw.randrange(len(content) + 1), len(content) - min(len(content), draw.randrange(1, 20))))
    return content[:end]


def extend(content: bytes, draw: Draw) -> bytes:
    """More behind the end."""
    more = draw.choice((1, 10, 1000))
    return content + draw.choice((bytes(more), draw.randbytes(more), content[:more]))


def cut_out(content: bytes, draw: Draw) -> bytes:
    """Without some bytes in the middle."""
    at = place(content, draw)
    return content[:at] + content[at + draw.choice((1, 2, 4, 16, 200)) :]


def repeat(content: bytes, draw: Draw) -> bytes:
    """Some bytes twice."""
    at, size = place(content, draw), draw.choice((1, 2, 4, 16, 200))
    return content[: at + size] + content[at:]


def copy_within(content: bytes, draw: Draw) -> bytes:
    """Some bytes in the place of others."""
    start, at, size = place(content, draw), place(content, draw), draw.choice((1, 2, 4, 8, 12, 64))
    piece = content[start : start + size]
    return content[:at] + piece + content[at + len(piece) :]


def swap(content: bytes, draw: Draw) -> bytes:
    """Two neighbouring pieces the other way round."""
    at, size = place(content, draw), draw.choice((1, 2, 4, 12))
    return content[:at] + content[at + size : at + 2 * size] + content[at : at + size] + content[at + 2 * size :]


def splice(content: bytes, other: bytes, draw: Draw) -> bytes:
    """The beginning of one file and the end of another."""
    at = draw.randrange(len(content) + 1)
    return content[:at] + other[draw.choice((min(at, len(other)), draw.randrange(len(other) + 1))) :]


CHANGES: tuple[Change, ...] = (
    flip_bits, flip_bits, set_bytes, set_number, set_number, set_number, truncate, extend, cut_out, repeat, copy_within,
    swap,
)  # fmt: skip
"""Changes of one file, as often as they are drawn."""


def change(content: bytes, others: list[bytes], draw: Draw) -> bytes:
    """One to three changes, or a splice with another file of the format."""
    if others and draw.random() < 0.1:
        return splice(content, draw.choice(others), draw)
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        content = draw.choice(CHANGES)(content, draw)
    return content


def change_within(content: bytes, ranges: list[tuple[int, int]], draw: Draw) -> bytes:
    """Bytes or bits inside one of some ranges (start, end); the file keeps its length."""
    start, end = draw.choice(ranges)
    inside = content[start:end]
    changed = draw.choice((flip_bits, flip_bits, set_bytes, copy_within, swap))(inside, draw)
    if changed != inside and zlib.adler32(changed) == zlib.adler32(inside):
        # Adler-32 cannot tell two stored pieces of one sum that are the other way round: nothing speaks of the change.
        changed = flip_bits(inside, draw)
    return content[:start] + changed[: end - start].ljust(end - start, b"\0") + content[end:]


def odd_value(draw: Draw) -> Any:
    """A value that a file of plain values may hold in any place."""
    return draw.choice((
        None, True, False, -1, 0, 1, 1.5, 10**12, -(10**400), 1e308, float("nan"), float("inf"), "", "abc", "a\nb",
        "\x00", "../../etc/passwd", "/etc/passwd", "${oc.env:HOME}", "\ud800", "=1+1", "x" * 5000, [], [[]], {},
        {"": 0}, {"_target_": "os.system"}, {"a": {"b": {"c": [1, "2", None]}}}, [None] * 300, "2026-11-30", "<script>",
    ))  # fmt: skip


def change_tree(tree: Any, draw: Draw) -> Any:
    """A tree of plain values with one place changed: another value, a key gone, one too many, or an item twice."""
    if isinstance(tree, dict) and tree and draw.random() < 0.85:
        key = draw.choice(list(tree))
        how = draw.random()
        if how < 0.75:
            return {**tree, key: change_tree(tree[key], draw)}
        if how < 0.9:
            return {name: value for name, value in tree.items() if name != key}
        return {**tree, draw.choice((f"{key}x", "_target_", "", "a.b")): draw.choice((tree[key], odd_value(draw)))}
    if isinstance(tree, list) and tree and draw.random() < 0.85:
        at = draw.randrange(len(tree))
        if draw.random() < 0.75:
            return [*tree[:at], change_tree(tree[at], draw), *tree[at + 1 :]]
        return draw.choice((tree[:at] + tree[at + 1 :], [*tree, tree[at]], tree[:at]))
    return odd_value(draw)


def packed(order: str, values: list[int], width: int) -> bytes:
    """Whole numbers as bytes; what does not fit is cut."""
    return b"".join(struct.pack(order + {2: "H", 4: "I", 8: "Q"}[width], value % 256**width) for value in values)
