"""A run as a row of the gallery: what it is, how it ended, what it reached."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from segexp.errors import DataError, one_line
from segexp.report.comparison_page.output.links import report_link
from segexp.report.data_set import config_section, config_value, data_set_name
from segexp.report.gallery_page.thumbnail import thumbnail
from segexp.report.overall_figures import OverallFigure, overall_figures, shown_text
from segexp.report.run_page.sections import page_title, state
from segexp.runs import entries
from segexp.runs.contents import RunContents, read_record
from segexp.runs.text import printable, shortened

UNREADABLE = "unreadable"
"""State of a folder whose files are none of a run, or damaged."""
LONGEST_REASON = 300
"""Letters of why a run has no figures."""
MOST_TAGS = 20
"""Tags of a run that are shown."""
MOST_BITS = 1024
"""Of a whole number that is shown as a tag."""


@dataclass(frozen=True)
class GalleryEntry:
    """A row of the gallery.

    Attributes:
        path: The run folder.
        title: Such as ``cunet on drive``.
        state: As run.json says, or ``unreadable``.
        state_kind: ``good``, ``bad`` or ``open``.
        reason: Why it has no figures, in words; may be empty.
        name: Of the run, which several runs share.
        data: Name of the data set.
        model: Name of the model.
        task: Kind of task.
        tags: Words to find it by.
        started: Time of the start, with zone; None: unknown.
        seconds: It took; None: unknown.
        figures: Of the test, the one that stands for the run first.
        picture: ``data:`` address; empty: none.
        href: Address of its report as seen from the page; empty: it has none.
    """

    path: Path
    title: str
    state: str
    state_kind: str
    reason: str = ""
    name: str = ""
    data: str = ""
    model: str = ""
    task: str = ""
    tags: tuple[str, ...] = ()
    started: datetime | None = None
    seconds: float | None = None
    figures: list[OverallFigure] = field(default_factory=list)
    picture: str = ""
    href: str = ""


def read_entry(path: Path, out: Path, share: int) -> GalleryEntry:
    """Reads a run folder as a row; whatever is wrong with its files, there is a row that says so.

    Args:
        path: The run folder.
        out: Folder of the page, from which links are seen.
        share: Letters that its picture may take.
    """
    try:
        folder = read_record(path)
        return replace(_entry(folder), picture=thumbnail(folder, share), href=report_link(path, out))
    except (DataError, OSError) as error:
        reason = one_line(error)
    except Exception as error:  # files that anybody may have written hold anything
        reason = f"its files make no row ({one_line(error)}); edited?"
    # Of its own path the row tells already.
    reason = reason.removeprefix(f"{path}").lstrip("/: ")
    return GalleryEntry(path, path.name, UNREADABLE, "bad", shortened(printable(reason), LONGEST_REASON))


def _entry(folder: RunContents) -> GalleryEntry:
    run, results = folder.run, folder.results
    name, kind = state(folder)
    tested = bool(entries.rows_of(results))
    seconds = run.get("seconds")
    return GalleryEntry(
        folder.path,
        shown_text(page_title(folder)[0]),
        shown_text(name),
        kind,
        "" if tested else _why_not(folder),
        name=shown_text(entries.to_text(run.get("name"))),
        data=shown_text(data_set_name(folder)),
        model=shown_text(entries.to_text(entries.get_in(run, "model", "name"))),
        task=shown_text(entries.task_kind(results) if tested else _task_option(folder)),
        tags=run_tags(folder.config),
        started=entries.to_time(run.get("started")),
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
        figures=overall_figures(results) if tested else [],
    )


def _task_option(folder: RunContents) -> str:
    """The option chosen for the task of a run that was not tested."""
    option = entries.to_text(entries.get_in(folder.run, "choices", "task"))
    return entries.LOGGED if option == "lightning" else option


def _why_not(folder: RunContents) -> str:
    """Why there are no figures: the error of a failed run, else what its record says of the end."""
    error = entries.to_text(folder.run.get("error")).strip() or entries.to_text(folder.run.get("ended_by")).strip()
    return shortened(printable(next(iter(error.splitlines()), "")), LONGEST_REASON) or "not tested"


def run_tags(config: str) -> tuple[str, ...]:
    """Collects the tags that a run and its loggers were given, each once.

    Args:
        config: Text of config.yaml.
    """
    if "tags:" not in config:
        return ()
    found: dict[str, None] = {}
    of_loggers = (entries.get_in(logger, "tags") for logger in config_section(config, "logger").values())
    for tags in (config_value(config, "tags"), *of_loggers):
        if isinstance(tags, Mapping):
            found |= dict.fromkeys(f"{key}={value}" for key, value in tags.items() if _is_word(key) and _is_word(value))
        elif isinstance(tags, list):
            found |= dict.fromkeys(str(tag) for tag in tags if _is_word(tag))
    return tuple(shown_text(tag) for tag in list(found)[:MOST_TAGS])


def _is_word(value: object) -> bool:
    """Whether a value of YAML is a text or a number, of no more digits than Python writes."""
    return isinstance(value, str | float) or (isinstance(value, int) and value.bit_length() <= MOST_BITS)
