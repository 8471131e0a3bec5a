"""Changes that know the format: what a careless or malicious writer makes, with every checksum right."""

import copy
import gzip
import io
import json
import struct
import zipfile
import zlib

import yaml

from tests.fuzz.mutations import CHANGES, Change, Draw, change_tree, set_number


def _inside(content: bytes, draw: Draw) -> bytes:
    return draw.choice(CHANGES)(content, draw)


def png_chunks(content: bytes, draw: Draw) -> bytes:
    """A PNG with a chunk that is changed, gone, twice or elsewhere; or other pixels, packed anew."""
    chunks, at = [], 8
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    number = draw.randrange(len(chunks))
    kind, data = chunks[number]
    how = draw.randrange(6)
    if how == 0 and kind == b"IDAT":
        try:
            data = zlib.compress(_inside(zlib.decompress(data), draw))
        except zlib.error:
            data = _inside(data, draw)
    elif how <= 2:
        data = draw.choice((_inside, set_number))(data, draw)
    elif how == 3:
        kind = draw.choice((b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"eXIf", b"iCCP", b"zTXt", b"iTXt", b"acTL", b"IEND"))
    chunks[number] = (kind, data)
    if how == 4:
        chunks.insert(draw.randrange(len(chunks)), draw.choice(chunks))
    elif how == 5:
        chunks.pop(number)
    return content[:8] + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def tiff_entries(content: bytes, draw: Draw) -> bytes:
    """A TIFF with changed entries in one of its lists of tags: another tag, type, count or value."""
    order = {b"II": "<", b"MM": ">"}.get(content[:2])
    if order is None or len(content) < 16:
        return content
    big = struct.unpack(order + "H", content[2:4])[0] == 43
    word, head, size = ("Q", 8, 20) if big else ("I", 2, 12)
    start = struct.unpack(order + word, content[8:16] if big else content[4:8])[0]
    try:
        count = struct.unpack(order + ("Q" if big else "H"), content[start : start + head])[0]
    except struct.error:
        return content
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 3))):
        at = start + head + size * draw.randrange(max(1, min(count, 1000)))
        where, width = draw.choice(((0, 2), (2, 2), (4, 8 if big else 4), (12 if big else 8, 8 if big else 4)))
        piece = bytes(changed[at + where : at + where + width])
        new = draw.choice((set_number, _inside))(piece, draw)[:width].ljust(width, b"\0")
        if draw.random() < 0.3:
            tags = (256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 338, 339)
            where, new = 0, struct.pack(order + "H", draw.choice(tags))
        elif draw.random() < 0.3:
            small = draw.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 64, 32773, 32946, 34712, 34925, 50000, 50001))
            where, new = (12 if big else 8), struct.pack(order + word, small)
        changed[at + where : at + where + len(new)] = new
    return bytes(changed[: len(content)])


def gzipped(content: bytes, draw: Draw) -> bytes:
    """A packed file that was changed before it was packed."""
    return gzip.compress(_inside(gzip.decompress(content), draw), 1, mtime=0)


def zip_entries(content: bytes, draw: Draw) -> bytes:
    """A zip archive with an entry that is changed, gone, twice, renamed or packed; its checksums are right."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]
    pickles = [number for number, (name, _) in enumerate(entries) if name.endswith(".pkl")]
    number = draw.choice([*pickles, *pickles, draw.randrange(len(entries))])
    name, data = entries[number]
    how = draw.randrange(8)
    if how <= 4:
        entries[number] = (name, _inside(data, draw))
    elif how == 5:
        entries[number] = (draw.choice((f"{name}x", "data.pkl", "/etc/x", "../x")), data)
    elif how == 6:
        entries.pop(number)
    stream = io.BytesIO()
    packing = zipfile.ZIP_DEFLATED if how == 7 else zipfile.ZIP_STORED
    with zipfile.ZipFile(stream, "w", packing) as archive:
        for each, inside in entries:
            archive.writestr(zipfile.ZipInfo(each), inside, packing)
    return stream.getvalue()


def safetensors_header(content: bytes, draw: Draw) -> bytes:
    """A safetensors file whose header has a changed place; its length is right."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    if draw.random() < 0.5 and isinstance(header, dict) and isinstance(header.get("__metadata__"), dict):
        record = json.loads(header["__metadata__"].get("record") or "{}")
        header["__metadata__"]["record"] = json.dumps(change_tree(record, draw))
    else:
        header = change_tree(header, draw)
    packed = json.dumps(header).encode()
    return len(packed).to_bytes(8, "little") + packed + content[8 + size :]


def json_tree(content: bytes, draw: Draw) -> bytes:
    """A JSON file with a changed place."""
    return json.dumps(change_tree(copy.deepcopy(json.loads(content)), draw)).encode()


def json_lines(content: bytes, draw: Draw) -> bytes:
    """Lines of JSON of which one has a changed place, is gone or there twice."""
    lines = content.splitlines()
    at = draw.randrange(len(lines))
    lines[at : at + 1] = draw.choice(([json_tree(lines[at], draw)], [], [lines[at]] * 2))
    return b"\n".join(lines) + b"\n"


def yaml_tree(content: bytes, draw: Draw) -> bytes:
    """A YAML file with a changed place."""
    return yaml.safe_dump(change_tree(yaml.safe_load(content), draw), allow_unicode=True).encode("utf-8", "replace")


def table_cells(content: bytes, draw: Draw) -> bytes:
    """A table with a changed cell, a row that is gone or twice, or a column that is."""
    rows = [line.split(",") for line in content.decode().splitlines()]
    row = draw.choice(rows)
    odd = ("", "nan", "inf", "-1", "1e999", "abc", '"', "'", "=1+1", "\0", "é" * 200, "9" * 5000, "a,b", "1,5", "[]")
    how = draw.randrange(5)
    if how <= 2:
        row[draw.randrange(len(row))] = draw.choice(odd)
    elif how == 3:
        rows.insert(draw.randrange(len(rows)), draw.choice(rows))
    else:
        row.pop()
    return "\n".join(",".join(cells) for cells in rows).encode()


STRUCTURED: dict[str, Change] = {
    "PNG": png_chunks, "TIFF": tiff_entries, "idx.gz": gzipped, "checkpoint": zip_entries, "weights": zip_entries,
    "safetensors": safetensors_header, "run.json": json_tree, "results.json": json_tree, "split.json": json_tree,
    "manifest": json_tree, "manifest changes": json_lines, "boxes": json_tree, "config.yaml": yaml_tree,
    "metrics.csv": table_cells, "per_image.csv": table_cells, "thresholds.csv": table_cells, "table": table_cells,
}  # fmt: skip
"""The change that knows a format, by its name here."""
