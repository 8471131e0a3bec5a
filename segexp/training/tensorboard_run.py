"""TensorBoard event files in ``tensorboard/`` of the run folder."""

from lightning.pytorch.loggers import TensorBoardLogger

from segexp.training.tracking import RunFacts, Tracked


class TensorBoardRun(TensorBoardLogger, Tracked):
    """Lightning's logger, without a folder per version: a run folder holds one run."""

    def __init__(self, facts: RunFacts, flush_secs: int) -> None:
        """Starts the event file."""
        super().__init__(
            str(facts.folder), name="tensorboard", version="", default_hp_metric=False, flush_secs=flush_secs
        )

    def end(self, *, ok: bool) -> None:
        """Writes and closes the event file."""
        self.finalize("success" if ok else "failed")
