"""Loggers that know nothing of segexp, of Lightning or of a user's own: what they are shown beside figures."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lightning.pytorch.loggers import Logger, WandbLogger

from segexp.evaluation.pictures import Picture
from segexp.evaluation.test_report import TestReport
from segexp.report.pictures.pixels import Pixels

Show = Callable[[str, Pixels, int], object]
"""Shows one picture, uint8 (h, w, 3) RGB, under a name, after so many steps."""


class OtherLogger:
    """A logger of Lightning's or of a user's own, seen as one of ours.

    Pictures go by the interface that it has, of Lightning or of the service: ``log_image(key, images, step)`` of
    WandbLogger, ``add_image`` of TensorBoard's writer, ``log_image`` of the clients of MLflow and Comet, ``append`` of
    Neptune. A logger without any of them is shown none.
    """

    def __init__(self, logger: Logger) -> None:
        """Takes the logger."""
        self.logger = logger

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Logs figures."""
        self.logger.log_metrics(dict(metrics), step)
        self.logger.save()

    def show(self, key: str, pictures: Sequence[Picture], step: int) -> None:
        """Shows pictures, where the logger has a way to."""
        if pictures and (shown := _way_to_show(self.logger)) is not None:
            for picture in pictures:
                shown(f"{key}/{picture.stem}", picture.drawn, step)

    def tested(self, report: TestReport) -> None:
        """Shows the pictures of the test, and of loggers that have tables the figures of each image."""
        self.show("panels/test", report.pictures, report.step)
        table: Any = getattr(self.logger, "log_table", None)
        if callable(table) and report.images:
            columns = list(report.images[0])
            table("test/per_image", columns=columns, data=[[line[name] for name in columns] for line in report.images])

    def end(self, *, ok: bool) -> None:
        """Writes out what is buffered, and ends the run of services that would go on in it with the next job."""
        self.logger.finalize("success" if ok else "failed")
        if isinstance(self.logger, WandbLogger):
            self.logger.experiment.finish(exit_code=0 if ok else 1)
        elif (close := _closing(self.logger)) is not None:
            close()


def _way_to_show(logger: Logger) -> Show | None:
    found: Any = logger
    if callable(getattr(logger, "log_image", None)):
        return lambda key, pixels, step: found.log_image(key=key, images=[pixels], step=step)
    experiment: Any = getattr(logger, "experiment", None)
    if callable(getattr(experiment, "add_image", None)):
        return lambda key, pixels, step: experiment.add_image(key, pixels, step, dataformats="HWC")
    if callable(getattr(experiment, "log_image", None)):
        if hasattr(logger, "run_id"):
            return lambda key, pixels, step: experiment.log_image(found.run_id, pixels, key=key, step=step)
        return lambda key, pixels, step: experiment.log_image(pixels, name=key, step=step)
    if _package(experiment) == "neptune":
        from neptune.types import File  # type: ignore[import-not-found, unused-ignore] # it is there: a run of it is

        return lambda key, pixels, step: experiment[key].append(File.as_image(pixels / 255), step=step)
    return None


def _closing(logger: Logger) -> Callable[[], object] | None:
    """What ends the run of a service."""
    experiment: Any = getattr(logger, "experiment", None)
    name = {"comet_ml": "end", "neptune": "stop"}.get(_package(experiment))
    return None if name is None else getattr(experiment, name, None)


def _package(thing: object) -> str:
    return type(thing).__module__.partition(".")[0]
