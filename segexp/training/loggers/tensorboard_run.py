"""TensorBoard event files in ``tensorboard/`` of the run folder."""

from collections.abc import Sequence

from lightning.pytorch.loggers import TensorBoardLogger

from segexp.evaluation.pictures import Picture
from segexp.evaluation.test_report import TestReport
from segexp.training.loggers.tracking import RunFacts, Tracked


class TensorBoardRun(TensorBoardLogger, Tracked):
    """Lightning's logger, without a folder per version: a run folder holds one run."""

    def __init__(self, facts: RunFacts, flush_secs: int) -> None:
        """Starts the event file."""
        super().__init__(
            str(facts.folder), name="tensorboard", version="", default_hp_metric=False, flush_secs=flush_secs
        )

    def show(self, key: str, pictures: Sequence[Picture], step: int) -> None:
        """Panels as they are on disk."""
        for picture in pictures:
            self.experiment.add_image(f"{key}/{picture.name}", picture.drawn, step, dataformats="HWC")

    def tested(self, report: TestReport) -> None:
        """The panels, from worst to best."""
        self.show("panels/test", report.pictures, report.step)

    def end(self, *, ok: bool) -> None:
        """Writes and closes the event file."""
        self.finalize("success" if ok else "failed")
