"""A review of a data set in plain values: for JSON, and for the table on the terminal."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from segexp.data.checks.problems import Problem
from segexp.data.checks.review import Review, SurveyedImage
from segexp.data.checks.survey import class_counts
from segexp.data.items.item import Item
from segexp.data.splits.rules import PHASES

VALUES = 16
"""Mask values that are told; of more than these the most frequent."""


def collect_facts(found: Review) -> dict[str, Any]:
    """Files, kinds, mask values, what each part holds, and notes; problems apart."""
    return {
        "files": {"count": len(found.files), "bytes": sum(_size(path) for path in found.files)},
        "kinds": [{"role": r, "kind": words, "count": n} for (r, words), n in sorted(found.kinds.items())],
        "classes": list(found.classes),
        "parts": {phase: _part(found, phase, found.parts[phase]) for phase in PHASES if found.parts[phase]},
        "mask_values": _values(found.values),
        "masks_read": found.masks,
        "complete": found.complete,
        "notes": found.notes,
    }


def collect_problem_facts(problems: Sequence[Problem], files: Sequence[Path]) -> list[dict[str, Any]]:
    """Kind, text, whether training would refuse, and the file or key that it is about."""
    known = {str(path) for path in files}

    def subject(text: str) -> str | None:
        start = text.split(": ", 1)[0].split(" (", 1)[0]
        return start if start in known or "/" in start or start.startswith(("datamodule.", "augment.")) else None

    return [
        {"kind": p.kind, "subject": subject(p.text), "text": p.text, "fatal": p.fatal} for p in dict.fromkeys(problems)
    ]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _part(found: Review, phase: str, items: Sequence[Item]) -> dict[str, Any]:
    seen = [one for one in found.seen if one.phase == phase]
    heights, widths = zip(*(item.shape for item in items), strict=True)
    return {
        "images": len(items),
        "looked_at": len(seen),
        "height": [min(heights), max(heights)],
        "width": [min(widths), max(widths)],
        "sizes": len({item.shape for item in items}),
        "channels": sorted({item.channels for item in items}),
        "types": sorted({str(item.dtype) for item in items}),
        **(_pixels(seen, found.classes) if seen else {}),
    }


def _pixels(seen: Sequence[SurveyedImage], classes: Sequence[str]) -> dict[str, Any]:
    counts = class_counts([one.survey for one in seen])
    ignored = np.array([one.survey.ignored for one in seen])
    counted = max(1, int(counts.sum()))
    present = counts > 0
    return {
        "shares": {name: float(counts[:, k].sum() / counted) for k, name in enumerate(classes)},
        "images_with": {name: int(present[:, k].sum()) for k, name in enumerate(classes)},
        "ignored": float(ignored.sum() / max(1, counts.sum() + ignored.sum())),
        "all_ignored": [one.item.name for one in seen if not one.survey.counted],
        "empty": sum(1 for one in seen if one.survey.counted and not any(one.survey.classes[1:])),
    }


def _values(values: Counter[tuple[int, ...]]) -> list[dict[str, Any]]:
    total = max(1, sum(values.values()))
    frequent = sorted(values.most_common(VALUES))
    rows = [{"value": " ".join(map(str, value)), "pixels": n, "share": n / total} for value, n in frequent]
    rest = len(values) - len(frequent)
    if rest > 0:
        left = total - sum(n for _, n in frequent)
        rows.append({"value": f"{rest} more", "pixels": left, "share": left / total})
    return rows
