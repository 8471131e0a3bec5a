"""What the check command says, from plain values."""

from collections.abc import Mapping, Sequence
from typing import Any

from segexp.report.table import Table

WIDEST = 96
"""Letters of a line of values."""
PARTS = {"train": "train", "val": "validation", "test": "test"}


def format_data_check(facts: Mapping[str, Any]) -> str:
    """The table of a data set: files, kinds, mask values, and what each part holds."""
    blocks = ["\n".join(f"{name:<12}{text}" for name, text in _lines(facts))]
    if facts["parts"]:
        blocks.append(_table(facts).as_text())
    if facts["notes"]:
        blocks.append("\n".join(["notes", *(f"  {note}" for note in facts["notes"])]))
    return "\n\n".join(block for block in blocks if block)


def format_problems(facts: Mapping[str, Any]) -> str:
    """Problems by kind: those that training would refuse, then what is worth knowing."""
    problems, blocks = facts["problems"], []
    for title, fatal in (("training would be refused", True), ("worth knowing", False)):
        chosen = [problem for problem in problems if problem["fatal"] is fatal]
        for kind in dict.fromkeys(problem["kind"] for problem in chosen):
            texts = [problem["text"] for problem in chosen if problem["kind"] == kind]
            count = len(texts)
            if kind == "labels" and facts["mask_values_line"]:
                texts.append(f"for all of these masks, if the values are meant: {facts['mask_values_line']}")
            blocks.append("\n".join([f"{title}: {kind} ({count})", *map(_indented, texts)]))
    return "\n\n".join(blocks)


def _indented(text: str) -> str:
    return "\n".join(f"  {line.strip()}" for line in text.splitlines())


def _lines(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    lines = []
    if facts["files"]["count"]:
        lines.append(("files", f"{facts['files']['count']}, {_bytes(facts['files']['bytes'])}"))
    lines += [(f"{k['role']}s", f"{k['count']} x {k['kind']}") for k in facts["kinds"]]
    if facts["mask_values"]:
        values_text = ", ".join(f"{v['value']}: {v['pixels']:,} ({_share(v['share'])})" for v in facts["mask_values"])
        more = "" if len(values_text) <= WIDEST * 3 else " ..."
        masks = _of_all(facts["masks_read"], "mask", facts)
        lines.append(("mask values", f"{values_text[: WIDEST * 3]}{more} in {masks} masks"))
    used = sum(part["images"] for part in facts["parts"].values())
    if facts["parts"] and (images := _of_all(used, "image", facts)) != str(used):
        lines.append(("in split", f"{images} images"))
    return lines


def _of_all(count: int, role: str, facts: Mapping[str, Any]) -> str:
    """``22 of 23`` where fewer are meant than there are files of the kind; what is left out is named below."""
    files = sum(kind["count"] for kind in facts["kinds"] if kind["role"] == role)
    return f"{count} of {files}" if count < files else str(count)


def _table(facts: Mapping[str, Any]) -> Table:
    parts = facts["parts"]
    rows = [
        ("images", *(str(part["images"]) for part in parts.values())),
        ("looked at", *(str(part["looked_at"]) for part in parts.values())),
        ("height", *(_range(part["height"]) for part in parts.values())),
        ("width", *(_range(part["width"]) for part in parts.values())),
        ("channels", *(_words(part["channels"]) for part in parts.values())),
        ("type", *(_words(part["types"]) for part in parts.values())),
    ]
    for name in facts["classes"]:
        rows.append((f"{name}, share of pixels", *(_share(_of(part, "shares", name)) for part in parts.values())))
        rows.append((f"{name}, images with it", *(_count(_of(part, "images_with", name)) for part in parts.values())))
    first = facts["classes"][0] if facts["classes"] else "first class"
    rows += [
        ("ignored, share of pixels", *(_share(part.get("ignored")) for part in parts.values())),
        ("images all ignored", *(_count(_all_ignored(part)) for part in parts.values())),
        (f"images of nothing but {first}", *(_count(part.get("empty")) for part in parts.values())),
    ]
    title = "all pixels were looked at" if facts["complete"] else "a sample of the pixels was looked at; full=true: all"
    return Table(title, ("", *(PARTS.get(phase, phase) for phase in parts)), tuple(rows))


def _all_ignored(part: Mapping[str, Any]) -> int | None:
    return len(part["all_ignored"]) if "all_ignored" in part else None


def _of(part: Mapping[str, Any], block: str, name: str) -> Any:
    return part.get(block, {}).get(name)


def _range(pair: Sequence[int]) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}..{pair[1]}"


def _words(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values))


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


def _count(value: int | None) -> str:
    return "-" if value is None else str(value)


def _bytes(size: int) -> str:
    for unit, step in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= step:
            return f"{size / step:.1f} {unit}"
    return f"{size} bytes"
