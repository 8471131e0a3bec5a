"""TensorBoard event files in ``tensorboard/`` of the run folder."""

import contextlib
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import TensorBoardLogger

from segexp.config.nested import flatten
from segexp.evaluation.pictures import Picture
from segexp.evaluation.test_report import TestReport
from segexp.report.markdown import escape_text
from segexp.tasks.log_names import headline
from segexp.training.loggers.tracking import RunFacts, Told, Tracked

FINAL = "z_final"
"""Before the names of figures that there is one of: TensorBoard sorts its cards by name, and curves come first."""
LONGEST = 100
"""Letters of the name of a run, which is that of a folder."""


class TensorBoardRun(TensorBoardLogger, Tracked):
    """Lightning's logger; the run is called by its overrides, and its config and final figures stand in HPARAMS."""

    def __init__(self, facts: RunFacts, flush_secs: int) -> None:
        """Starts the event file."""
        super().__init__(
            str(facts.folder),
            name="tensorboard",
            version=run_name(facts.name or facts.folder.parent.name),
            default_hp_metric=False,
            flush_secs=flush_secs,
        )
        self._config = facts.config
        self._told = False
        self.told = logged_by_tensorboard(Path(self.log_dir))

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Figures; those of the test and of the best epoch, a dot each, after the curves."""
        named = {f"{FINAL}/{key}" if key.startswith(("test/", "best/")) else key: v for key, v in metrics.items()}
        super().log_metrics(named, step)

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing: HPARAMS takes config and figures together, at the end."""

    def show(self, key: str, pictures: Sequence[Picture], step: int) -> None:
        """Panels as they are on disk."""
        for picture in (each for each in pictures if (f"{key}/{each.name}", step) not in self.told):
            self.experiment.add_image(f"{key}/{picture.name}", picture.drawn, step, dataformats="HWC")

    def tested(self, report: TestReport) -> None:
        """The panels, from worst to best, the figures of each image as a table, and HPARAMS."""
        self.show("panels/test", report.pictures, report.step)
        if report.images and ("test/per_image/text_summary", report.step) not in self.told:
            self.experiment.add_text("test/per_image", _table(report.images), report.step)
        best = report.content["checkpoint"]
        chosen = {} if best.get("monitor") is None else {f"best/{best['monitor']}": best["value"]}
        self._log_hparams({**headline(report.content), **chosen})

    def _log_hparams(self, figures: Mapping[str, float]) -> None:
        from torch.utils.tensorboard.summary import hparams

        flat = flatten(self._config)
        values = {key: value if isinstance(value, bool | int | float) else str(value) for key, value in flat}
        named = {f"{FINAL}/{key}": value for key, value in figures.items()}
        for summary in hparams(values, named):  # type: ignore[no-untyped-call]
            self.experiment._get_file_writer().add_summary(summary)
        self._told = True

    def end(self, *, ok: bool) -> None:
        """Writes and closes the event file."""
        if not self._told:
            self._log_hparams({})
        self.finalize("success" if ok else "failed")


def logged_by_tensorboard(folder: Path) -> Told:
    """Names and steps of all that the event files of a folder hold; one that a kill cut short is read so far."""
    load: Any = import_module("tensorboard.backend.event_processing.event_file_loader").LegacyEventFileLoader
    found: Told = set()
    for path in sorted(folder.glob("events.out.tfevents.*")):
        with contextlib.suppress(Exception):  # whatever is wrong with a file, training goes on
            for event in load(str(path)).Load():
                found |= {(value.tag.removeprefix(f"{FINAL}/"), event.step) for value in event.summary.value}
    return found


def run_name(overrides: str) -> str:
    """The name of a folder, and of a run in TensorBoard, for the overrides of a command."""
    plain = re.sub(r"[^\w=.,+ -]+", "_", overrides).strip(" .")
    return plain[:LONGEST].strip(" .") or "run"


def _table(lines: Sequence[Mapping[str, str]]) -> str:
    """Lines of per_image.csv in Markdown, which TensorBoard shows as a table."""
    columns = list(lines[0])
    rows = [columns, ["---"] * len(columns), *([escape_text(line[name]) for name in columns] for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
