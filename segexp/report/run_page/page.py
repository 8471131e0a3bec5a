"""The report of a run: one HTML file that needs nothing else."""

from collections.abc import Mapping
from pathlib import Path

from segexp.errors import DataError, one_line
from segexp.report.page_template import load_template
from segexp.report.pictures import embedded as pictures
from segexp.report.run_page import reproduce, sections
from segexp.report.run_page.charts.calibration import calibration_charts
from segexp.report.run_page.charts.class_spread import spread_charts
from segexp.report.run_page.charts.decisions import decision_charts
from segexp.report.run_page.charts.latents import latent_charts, latents_told
from segexp.report.run_page.charts.training import training_charts
from segexp.report.run_page.costs import costs
from segexp.report.run_page.few_images import few_images
from segexp.report.run_page.missing import missing
from segexp.report.run_page.progress import Progress
from segexp.report.run_page.tables import classes, data, image_groups, predictors
from segexp.report.run_page.tables.all_figures import class_figures_table, figures_table
from segexp.report.run_page.tables.confusion import confusion_table, counted_unit
from segexp.report.run_page.tables.references import reference_table
from segexp.report.run_page.tiles import tiles
from segexp.report.run_page.tooltips import find_tooltips
from segexp.report.run_page.trivial import beaten_by
from segexp.report.run_page.verdict import find_verdict
from segexp.report.table import Table
from segexp.runs import entries
from segexp.runs.contents import RunContents, read_rows, read_run
from segexp.runs.files import replace_file
from segexp.runs.find import sweep_of
from segexp.runs.manifest_files import read_manifest
from segexp.runs.text import utf8

REPORT = "report.html"
"""Name of the report in the run folder."""
REFRESH_MARK, HEAD = b'<meta http-equiv="refresh"', 2048
"""How a page says that it loads itself again, and the bytes of its begin that hold it."""
MANY_IMAGES = 12
"""Above so many images the table per image is folded."""


def write_report(run_dir: Path) -> Path:
    """Write ``report.html`` into a run folder, from its plain files alone.

    Args:
        run_dir: The folder of one run, finished or not. Sections whose files are missing are left out.

    Returns:
        The path of the report; pictures are embedded, nothing is loaded from elsewhere, its one script is the viewer's.

    Raises:
        DataError: It is no run folder, or its files are none that segexp has written.
        OSError: The folder cannot be written.
    """
    return replace_file(run_dir / REPORT, utf8(render_report(run_dir)))


def refreshes(page: Path) -> bool:
    """Tells whether a page loads itself again, as that of a run under way does; False where it cannot be read."""
    try:
        with page.open("rb") as stream:
            return REFRESH_MARK in stream.read(HEAD)
    except OSError:
        return False


def render_report(run_dir: Path, progress: Progress | None = None) -> str:
    """Makes the page of a run, finished or not, from its plain files alone.

    Args:
        run_dir: The folder of one run.
        progress: How far its training is: the page refreshes itself then; None: it does not go on.

    Raises:
        DataError: It is no run folder, or its files are none that segexp has written.
    """
    run = read_run(run_dir)
    try:
        return load_template("report.html.j2").render(_content(run, progress))
    except (DataError, OSError):
        raise
    except Exception as error:  # files that anybody may have written hold anything
        raise DataError(f"{run_dir}: no page can be made of its files ({one_line(error)}); edited?") from error


def _content(folder: RunContents, progress: Progress | None) -> dict[str, object]:
    """All that the template shows."""
    title, above = sections.page_title(folder)
    state, state_kind = sections.state(folder)
    commit, dirty = sections.commit(folder)
    verdict = find_verdict(folder.results, read_rows(folder.path / "metrics.csv"))
    content: dict[str, object] = {
        "title": title,
        "above": above,
        "sweep": sweep_of(folder.path),
        "summary_to_come": _summary_to_come(folder.path.resolve().parent),
        "state": state,
        "state_kind": state_kind,
        "error": entries.to_text(folder.run.get("error")),
        "classes": sections.classes(folder),
        "summary": sections.summary(folder),
        "verdict": verdict,
        "few_images": few_images(folder.run, folder.results, said=verdict is not None and verdict.tells_few_tested),
        "tooltips": find_tooltips(folder.results),
        "tiles": tiles(folder),
        "beaten": [(found.verdict, str(found)) for found in beaten_by([folder.results])],
        "notes": sections.run_notes(folder),
        "costs": costs(folder),
        "commands": reproduce.commands(folder),
        "same": reproduce.facts(folder),
        "commit": commit,
        "dirty": dirty,
        "environment": sections.environment_facts(folder),
        "speed": sections.speed(folder),
        "config": folder.config,
        "log": folder.log,
        **_tables(folder),
        "progress": progress,
        **_charts(folder, progress),
    }
    content |= _pictures(folder, content)
    contents = _contents(content, entries.task_kind(folder.results))
    # of a run that goes on everything else is still to come
    return content | {"contents": contents, "missing": [] if progress else missing(folder, content)}


def _summary_to_come(sweep: Path) -> bool:
    """Whether the page of a sweep is still to be made, so that nobody takes the link to it for broken."""
    if (sweep / "summary.html").is_file():
        return False
    try:
        listed = read_manifest(sweep).get("jobs")
    except (OSError, DataError):
        return False
    jobs = listed if isinstance(listed, list) else []
    return any(entries.get_in(job, "state") in ("waiting", "running") for job in jobs)


def _tables(folder: RunContents) -> dict[str, object]:
    tested = bool(entries.rows_of(folder.results))
    masks = tested and entries.task_kind(folder.results) == entries.SEGMENTATION
    images = data.image_table(folder)
    return {
        "class_table": classes.overlap_table(folder.results) if masks else None,
        "figures_table": figures_table(folder.results) if tested and not masks else None,
        "class_figures": class_figures_table(folder.results) if tested and not masks else None,
        "more_tables": _there(classes.shape_table(folder.results), classes.probability_table(folder.results)),
        "full_tables": _there(*(classes.full_table(folder.results, block) for block in ("dataset", "image"))),
        "references": reference_table(folder.results),
        "groups_table": image_groups.groups_table(folder.results),
        "rows_table": predictors.predictor_table(folder.results) if masks else None,
        "intervals": isinstance(entries.model_row(folder.results).get("interval"), dict),
        "meanings": sections.meanings(folder),
        "averaging": sections.averaging(folder),
        "chosen": sections.checkpoint_and_threshold(folder),
        "image_table": images,
        "images_folded": images is not None and len(images.rows) > MANY_IMAGES,
        "splits": data.data_table(folder),
        "image_names": sections.image_names(folder),
        "confusion_table": confusion_table(folder.results),
        "counted": counted_unit(folder.results),
    }


def _there(*tables: Table | None) -> list[Table]:
    return [table for table in tables if table is not None]


def _charts(folder: RunContents, progress: Progress | None) -> dict[str, object]:
    """Plots that are drawn from numbers; where those are missing, the page shows the pictures of the run."""
    results = folder.results
    best = entries.get_in(results, "checkpoint", "epoch")
    monitor = entries.to_text(entries.get_in(results, "checkpoint", "monitor"))
    if progress is not None:
        best, monitor = progress.best_epoch, progress.monitor
    return {
        "spread": spread_charts(results, folder.images),
        "decision": decision_charts(folder.path / "thresholds.csv", results),
        "calibration": calibration_charts(results),
        "training": training_charts(folder.path / "metrics.csv", best, monitor),
        "latents": latent_charts(folder.path / "latents.csv", results),
        "latents_told": latents_told(results),
        "best_epoch": sections.best_epoch(folder),
    }


def _pictures(folder: RunContents, charts: Mapping[str, object]) -> dict[str, object]:
    """Pictures; of those that a chart replaces, none."""
    # OpenCV is imported only here: a page of old runs, and the comparison of runs, do without.
    from segexp.report.run_page.specimens import specimens, swatches

    shown, left_out = specimens(folder)

    def unless(chart: str, file: str, label: str, caption: str) -> pictures.EmbeddedPicture | None:
        return None if charts[chart] else pictures.embed_png(folder.path / file, label, caption)

    return {
        "specimens": shown,
        "left_out": left_out,
        "swatches": swatches(folder.results),
        "panels": [] if shown else pictures.embed_panels(folder),
        "panels_title": PANELS_OF_KIND.get(entries.task_kind(folder.results), "Image, truth, prediction, errors"),
        "class_maps": pictures.embed_class_maps(folder),
        "latent_pictures": pictures.embed_files(folder, LATENT_PICTURES),
        "curves": unless("training", "curves.png", "Training curves", sections.best_epoch(folder)),
        "confusion": unless(
            "confusion_table", "confusion.png", "Confusion matrix", "Shares add up to 100 % in each row."
        ),
        "scores": unless("decision", "scores.png", "Scores", "Over all thresholds; the dot marks the chosen one."),
        "reliability": unless(
            "calibration", "reliability.png", "Reliability",
            "On the diagonal a probability means what it says; below it, it is too high.",
        ),
    }  # fmt: skip


SECTIONS = {
    "results": ("Results", ("class_table",)),
    "figures": ("Results", ("figures_table",)),
    "panels": ("Images", ("specimens", "panels")),
    "confusion": ("Confusion", ("confusion_table", "confusion", "scores", "decision")),
    "reliability": ("Calibration", ("calibration", "reliability")),
    "latents": ("Codes", ("latents", "latent_pictures")),
    "curves": ("Training", ("training", "curves")),
    "data": ("Data", ("splits", "image_names", "image_table")),
    "cost": ("Size and speed", ("costs",)),
    "reproduce": ("Reproduce", ("commands", "commit", "config")),
    "environment": ("Environment", ("environment", "speed")),
}
"""Of the contents: id, name, and what the section shows, any of which makes it stand there."""

LATENT_PICTURES = {
    "panels/latents/grid.png": "Decoded from a grid over the plane of the codes",
    "panels/latents/point.png": "Decoded from the code that was asked for",
}
"""Pictures of codes by their place in the run folder."""
PANELS_OF_KIND = {
    entries.CLASSIFICATION: "Images, from worst to best",
    entries.RECONSTRUCTION: "Images and what comes back of them, from worst to best",
}
"""Heading of the pictures that have no layers."""
ANY_KIND = ("figures", "curves", "data", "cost", "reproduce", "environment")
"""Sections of a page of a kind of task that has none of its own."""
SECTIONS_OF_KIND = {
    entries.SEGMENTATION: tuple(id_ for id_ in SECTIONS if id_ not in ("figures", "latents")),
    entries.CLASSIFICATION: (
        "figures",
        "panels",
        "confusion",
        "curves",
        "data",
        "cost",
        "reproduce",
        "environment",
    ),
    entries.RECONSTRUCTION: ("figures", "panels", "latents", "curves", "data", "cost", "reproduce", "environment"),
}
"""By the ``kind`` of results.json, ids of :data:`SECTIONS`."""


def _contents(content: Mapping[str, object], kind: str) -> list[tuple[str, str]]:
    shown = SECTIONS_OF_KIND.get(kind, ANY_KIND)
    return [(id_, name) for id_, (name, keys) in SECTIONS.items() if id_ in shown and any(content[key] for key in keys)]
