"""What the report says in words and numbers, taken from a run folder."""

from collections.abc import Mapping
from datetime import datetime

from segexp.report import values
from segexp.report.data_set import data_set_name
from segexp.report.labels import described, name_of, order_figures
from segexp.report.run_page.decided import of_monitor, of_test, threshold_of
from segexp.report.run_page.tables.data import SPLITS
from segexp.runs import entries
from segexp.runs.contents import RunContents

Facts = list[tuple[str, str]]
"""(name, text) pairs; empty texts are left out."""

_STATES = {
    "good": {"finished", "done", "completed", "success", "ok"},
    "bad": {"failed", "error", "interrupted", "crashed", "killed"},
}
UNITS = {"px": "pixels", "m": "metres"}
"""Units in words."""


def page_title(folder: RunContents) -> tuple[str, str]:
    """Title, such as "cunet on drive", and the line above it."""
    model = entries.to_text(entries.get_in(folder.run, "model", "name"))
    data = data_set_name(folder)
    name = entries.to_text(folder.run.get("name"))
    title = " on ".join(part for part in (model, data) if part) or name or folder.path.name
    return title, " / ".join(part for part in (name, folder.path.resolve().name) if part)


def state(folder: RunContents) -> tuple[str, str]:
    """The state as run.json names it, and ``good``, ``bad`` or ``open``."""
    name = entries.to_text(folder.run.get("state"))
    kind = next((kind for kind, names in _STATES.items() if name.lower() in names), "open")
    return name or "state unknown", kind


def summary(folder: RunContents) -> Facts:
    """The few facts under the title."""
    run = folder.run
    parameters = entries.get_in(run, "model", "parameters")
    return _known(
        ("started", _moment(entries.to_text(run.get("started")))),
        ("took", values.format_duration(run.get("seconds"))),
        ("device", entries.to_text(run.get("device"))),
        ("parameters", values.format_count(parameters)),
        ("images", _amounts(folder)),
        ("counted", entries.to_text(entries.get_in(folder.results, "task", "where"))),
    )


def _moment(text: str) -> str:
    """A time of run.json to the minute."""
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M %Z").strip()
    except ValueError:
        return text


def _amounts(folder: RunContents) -> str:
    amounts = ((split, entries.get_in(folder.run, "data", split, "images")) for split in SPLITS)
    return ", ".join(f"{values.format_count(amount)} {split}" for split, amount in amounts if isinstance(amount, int))


def classes(folder: RunContents) -> list[tuple[str, str]]:
    """Names of the classes with their colours as ``#rrggbb``, empty where results.json has none."""
    names, colours = entries.classes_of(folder.results), entries.get_in(folder.results, "task", "colours")
    known = colours if isinstance(colours, list) and len(colours) == len(names) else [None] * len(names)
    return [
        (name, "#{:02x}{:02x}{:02x}".format(*map(int, c)) if c else "") for name, c in zip(names, known, strict=True)
    ]


def averaging(folder: RunContents) -> Facts:
    """Facts on how the numbers of the tables come about."""
    results = folder.results
    texts = {
        "dataset": "over the data set",
        "image": "per image",
        "mean": "mean over classes",
        "absent": "absent classes",
        "auc, ap": "ROC-AUC, PR-AUC",
        "brier, ece": "Brier, ECE",
        "interval": "intervals",
    }
    stored = results.get("averaging")
    stored = stored if isinstance(stored, Mapping) else {}
    pairs = [(texts.get(str(key), str(key)), entries.to_text(text)) for key, text in stored.items()]
    where = entries.to_text(entries.get_in(results, "task", "where"))
    split = results.get("split")
    counted, ignored = (values.format_count(entries.get_in(split, key)) for key in ("pixels", "ignored_pixels"))
    amount = "" if counted == values.ABSENT else f"{counted} pixels counted"
    amount += "" if ignored == values.ABSENT else f", {ignored} ignored"
    return _known(("counted", ": ".join(part for part in (where, amount) if part)), *pairs, ("units", _units(results)))


def _units(results: Mapping[str, object]) -> str:
    units = results.get("units")
    pairs = units.items() if isinstance(units, Mapping) else ()
    return ", ".join(f"{name_of(str(figure), results)} in {UNITS.get(unit, unit)}" for figure, unit in pairs)


def meanings(folder: RunContents) -> Facts:
    """Meaning of each figure of the model, in a line."""
    row = entries.model_row(folder.results)
    there = [entries.get_in(row, block) for block in ("dataset", "image")]
    names = {name: None for block in there if isinstance(block, Mapping) for name in block}
    specs = [described(folder.results, name) for name in order_figures(names)]
    return [(spec.label, spec.meaning) for spec in specs if spec.meaning]


def checkpoint_and_threshold(folder: RunContents) -> Facts:
    """Facts on the tested checkpoint, how it saw the images, and how probabilities became classes."""
    checkpoint, threshold = (folder.results.get(key) for key in ("checkpoint", "threshold"))
    pairs: Facts = []
    monitor = ""
    if isinstance(checkpoint, Mapping):
        monitor = entries.to_text(checkpoint.get("monitor"))
        reached = (entries.to_text(checkpoint.get("mode")), monitor, values.format_measure(checkpoint.get("value")))
        best = " ".join(reached).strip() if monitor else ""
        best = "the last one; none was chosen" if checkpoint.get("chosen") is False else best
        epoch = checkpoint.get("epoch")
        pairs.append(("checkpoint", entries.to_text(checkpoint.get("path"))))
        pairs.append(("epoch", values.format_epoch(epoch) + (f" ({best})" if best else "")))
    if isinstance(threshold, Mapping):
        rule, place = (entries.to_text(threshold.get(key)) for key in ("rule", "chosen_on"))
        reason = ", chosen on ".join(part for part in (rule, place) if part)
        pairs.append(("threshold", values.format_plain(threshold.get("value")) + (f" ({reason})" if reason else "")))
    half, own = of_monitor(folder.results), of_test(folder.results)
    text = f"test measures {own}, validation measures (curves, {monitor}) {half}" if half and own else ""
    return _known(*pairs, ("masks", text), ("images seen", seen(folder.results.get("inference"))))


def seen(inference: object) -> str:
    """Says in words how the model saw the images; empty where the results do not tell."""
    if not isinstance(inference, Mapping):
        return ""
    parts, whole = (inference.get(key) for key in ("images_in_windows", "images_whole"))
    if not parts:
        return "whole"
    side, overlap, blend = (inference.get(key) for key in ("window", "overlap", "blend"))
    share = f"{100 * overlap:.0f} %" if isinstance(overlap, float | int) else values.ABSENT
    text = f"in windows of {side} × {side} pixels, overlap {share}, {blend} blending"
    return f"{parts} {text}; {whole} whole" if whole else text


def best_epoch(folder: RunContents) -> str:
    """Caption of the curves."""
    epoch = values.format_epoch(entries.get_in(folder.results, "checkpoint", "epoch"))
    half = " Validation measures of masks are at 0.5, test measures at the chosen threshold." * bool(
        threshold_of(folder.results) is not None
    )
    return f"The dotted line marks epoch {epoch}, whose checkpoint was tested.{half}" if epoch else ""


def image_names(folder: RunContents) -> Facts:
    """Names of the images per split as far as run.json lists them; of the test split else as measured."""
    data = folder.run.get("data")
    listed: Facts = []
    for split, entry in data.items() if isinstance(data, Mapping) else ():
        found = (entries.get_in(entry, key) for key in ("names", "files", "image_names"))
        names = next((value for value in found if value is not None), None)
        if isinstance(names, list):
            listed.append((str(split), ", ".join(map(str, names))))
    if not any(split == "test" for split, _ in listed):
        tested = dict.fromkeys(row["image"] for row in folder.images if row.get("image"))
        split = entries.to_text(entries.get_in(folder.results, "split", "name")) or "tested"
        listed.append((split, ", ".join(tested)))
    return _known(*listed)


def commit(folder: RunContents) -> tuple[str, bool]:
    """The git commit and whether there were changes beyond it."""
    git = folder.run.get("git")
    return entries.to_text(entries.get_in(git, "commit")), bool(entries.get_in(git, "dirty"))


def environment_facts(folder: RunContents) -> Facts:
    """Device, machine and versions."""
    run = folder.run
    listed: Facts = [("device", entries.to_text(run.get("device")))] if "device" in run else []
    for name in ("machine", "versions"):
        part = run.get(name)
        listed += values.flatten_as_text(part) if isinstance(part, Mapping) else []
    return listed


def speed(folder: RunContents) -> Facts:
    """The speed settings as they were resolved."""
    settings = folder.run.get("speed")
    return values.flatten_as_text(settings) if isinstance(settings, Mapping) else []


def run_notes(folder: RunContents) -> list[str]:
    """Remarks of the run on its own results."""
    notes = folder.results.get("notes")
    return [str(note) for note in notes] if isinstance(notes, list) else []


def _known(*pairs: tuple[str, str]) -> Facts:
    return [pair for pair in pairs if pair[1] not in ("", values.ABSENT)]
