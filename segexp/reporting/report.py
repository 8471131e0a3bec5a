"""The report of a run: one HTML file that needs nothing else."""

from pathlib import Path

from segexp.reporting import class_tables, groups_table, pictures, rows_table, sections, values
from segexp.reporting.page_template import template
from segexp.reporting.table import Table
from segexp.run.contents import RunContents, read_run
from segexp.run.files import replace_file

REPORT = "report.html"
"""Name of the report in the run folder."""
MANY_IMAGES = 12
"""Above so many images the table per image is folded."""


def write_report(run_dir: Path) -> Path:
    """Write ``report.html`` into a run folder, from its plain files alone.

    Args:
        run_dir: The folder of one run, finished or not. Sections whose files are missing are left out.

    Returns:
        The path of the report; figures are embedded, nothing is loaded from elsewhere, no script is run.

    Raises:
        DataError: It is no run folder, or run.json or results.json cannot be parsed.
        OSError: The folder cannot be written.
    """
    page = template("report.html.j2").render(_content(read_run(run_dir)))
    return replace_file(run_dir / REPORT, page.encode("utf-8"))


def _content(folder: RunContents) -> dict[str, object]:
    """All that the template shows."""
    title, above = sections.heading(folder)
    state, state_kind = sections.state(folder)
    commit, dirty = sections.commit(folder)
    return {
        "title": title,
        "above": above,
        "state": state,
        "state_kind": state_kind,
        "summary": sections.summary(folder),
        "tiles": sections.tiles(folder),
        "notes": sections.notes(folder),
        "command": sections.command(folder),
        "commit": commit,
        "dirty": dirty,
        "environment": sections.environment(folder),
        "speed": sections.speed(folder),
        "config": folder.config,
        "log": folder.log,
        **_tables(folder),
        **_pictures(folder),
    }


def _tables(folder: RunContents) -> dict[str, object]:
    tested = bool(values.rows_of(folder.results))
    images = sections.image_table(folder)
    return {
        "class_table": class_tables.overlap_table(folder.results) if tested else None,
        "more_tables": _there(class_tables.shape_table(folder.results), class_tables.probability_table(folder.results)),
        "full_tables": _there(*(class_tables.full_table(folder.results, block) for block in ("dataset", "image"))),
        "groups_table": groups_table.groups_table(folder.results),
        "rows_table": rows_table.rows_table(folder.results) if tested else None,
        "intervals": isinstance(values.model_row(folder.results).get("interval"), dict),
        "meanings": sections.meanings(folder),
        "averaging": sections.averaging(folder),
        "chosen": sections.chosen(folder),
        "image_table": images,
        "images_folded": images is not None and len(images.rows) > MANY_IMAGES,
        "splits": sections.data_table(folder),
        "image_names": sections.image_names(folder),
    }


def _there(*tables: Table | None) -> list[Table]:
    return [table for table in tables if table is not None]


def _pictures(folder: RunContents) -> dict[str, object]:
    return {
        "curves": pictures.embed(folder.path / "curves.png", "Training curves", sections.best_epoch(folder)),
        "panels": pictures.panels(folder),
        "confusion": pictures.embed(
            folder.path / "confusion.png", "Confusion matrix", "Shares add up to 100 % in each row."
        ),
        "scores": pictures.embed(
            folder.path / "scores.png", "Scores", "Over all thresholds; the dot marks the chosen one."
        ),
        "reliability": pictures.embed(
            folder.path / "reliability.png",
            "Reliability",
            "On the diagonal a probability means what it says; below it, it is too high.",
        ),
        "class_maps": pictures.class_maps(folder),
    }
