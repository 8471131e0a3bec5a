"""The answer of ``inspect`` as lines: a word, and what there is to say about it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from segexp.runs.text import printable, shortened

_WIDTH = 12
_LONGEST = 2_000
"""Letters of a line: names of a stranger may have any length."""


def format_facts(facts: Mapping[str, Any]) -> str:
    """Formats the facts of a file or of a run folder."""
    lines = _run_lines(facts) if "checkpoints" in facts else _lines(facts)
    return "\n".join(f"{word:<{_WIDTH}}{shortened(printable(said), _LONGEST)}" for word, said in lines if said)


def _run_lines(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "folder", f"{facts['file']}, {_size(facts['bytes'])} beside its folders"
    yield "kind", _joined("run folder", facts["state"], f"started {facts['started']}" if facts["started"] else "")
    yield "", _joined(*(f"{key} {facts[key]}" for key in ("segexp", "commit") if facts[key]))
    yield "model", f"{facts['model_name']} on {facts['data_name']}" if facts["model_name"] else ""
    yield "tested", "yes" if facts["tested"] else "no"
    yield "from=", _verdict(facts["from"], "takes its config")
    for checkpoint in facts["checkpoints"]:
        yield "", " "
        yield from _lines(checkpoint)


def _lines(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if facts["kind"] == "unreadable":
        yield "file", facts["why"]
        return
    yield "file", f"{facts['file']}, {_size(facts['bytes'])}"
    yield "kind", _joined(facts["kind"], *_versions(facts))
    for name in ("task", "model", "datamodule"):
        yield name, _section(facts.get(name))
    yield "classes", ", ".join(map(str, facts.get("classes") or ()))
    yield "target", facts.get("target") or ""
    yield "input", _input(facts)
    yield "epoch", _epoch(facts)
    yield "state", _joined("optimizer" if facts.get("optimizer_state") else "", *facts.get("callbacks", ()))
    yield "weights", _weights(facts["weights"])
    yield from _tensors(facts.get("tensors", ()))
    yield "packages", ", ".join(map(_package, facts.get("packages") or ()))
    if facts["code"]:
        yield "code", f"names {', '.join(facts['code'])}: no tensors; nothing of it was run"
    yield "load", _verdict(facts["load"], "takes it, if its weights have the shapes of its model")


def _versions(facts: Mapping[str, Any]) -> list[str]:
    names = {"format": "format", "segexp": "written by segexp", "lightning": "Lightning", "producer": "by"}
    return [f"{word} {facts[key]}" for key, word in names.items() if facts.get(key) is not None]


def _section(section: Mapping[str, Any] | None) -> str:
    if section is None:
        return ""
    keys = [f"{key}={value}" for key, value in section.items() if key != "_target_" and value is not None]
    return " ".join([str(section.get("_target_", "?")), *keys])


def _input(facts: Mapping[str, Any]) -> str:
    channels = facts.get("in_channels")
    if channels is None:
        return ""
    scaling = f"scaling {facts.get('scaling')}"
    if facts.get("scaling") == "fixed":
        scaling += f": mean {_numbers(facts.get('mean'))}, std {_numbers(facts.get('std'))}"
    return _joined(f"{channels} channels", facts.get("dtype"), scaling)


def _epoch(facts: Mapping[str, Any]) -> str:
    if facts.get("epoch") is None:
        return ""
    best = facts.get("best")
    value = best["value"] if best else None
    shown = f"{value:.4f}" if isinstance(value, float) else value
    return _joined(
        f"{facts['epoch']} (counted from 0)",
        f"step {facts['step']}" if facts.get("step") is not None else "",
        f"best {best['monitor']} so far {shown}" if best else "",
    )


def _weights(found: Mapping[str, Any]) -> str:
    if not found["tensors"]:
        return "none that are listed"
    types = ", ".join(f"{values:,} {name}" for name, values in found["by_type"].items())
    return f"{found['tensors']:,} tensors, {_size(found['bytes'])}: {types}"


def _tensors(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for row in rows:
        yield "", f"  {row['name']}  {row['dtype']}  {'x'.join(map(str, row['shape'])) or 'one value'}"


def _package(package: Mapping[str, Any]) -> str:
    notes = [] if package["installed"] else ["not installed"]
    notes += [f"needs trust=[{package['name']}]"] if package["needs_trust"] else []
    return f"{package['name']} ({', '.join(notes)})" if notes else str(package["name"])


def _verdict(found: Mapping[str, Any], yes: str) -> str:
    return yes if found["takes_it"] else f"refuses it: {found['why_not']}"


def _joined(*parts: Any) -> str:
    return ", ".join(str(part) for part in parts if part)


def _numbers(values: Any) -> str:
    found = values if isinstance(values, list) else [values]
    return " ".join(f"{value:.4g}" if isinstance(value, int | float) else str(value) for value in found)


def _size(size: int) -> str:
    for unit, most in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= most:
            return f"{size / most:,.1f} {unit}"
    return f"{size} bytes"
