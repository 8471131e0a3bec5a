"""MLflow: one run per job, in a database of the output folder or on a server, without holding up training."""

import csv
import io
import os
import re
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segexp.config.nested import flatten
from segexp.evaluation.pictures import Picture
from segexp.evaluation.test_report import TestReport
from segexp.report.pictures.pixels import Pixels
from segexp.runs.console import LOG
from segexp.training.loggers.background_queue import BackgroundQueue
from segexp.training.loggers.run_ids import keep_id, stored_id
from segexp.training.loggers.tracking import RunFacts, Told, Tracked

LOCAL = 300.0
"""Seconds to wait at the end for a database on this machine, which is only slow and never gone."""

PATIENCE = 5.0
"""Seconds to wait for a server before a checkpoint is written."""
SERVICE = "mlflow"

LONGEST = 6000
"""Characters of a parameter that MLflow takes."""


class MlflowRun(Tracked):
    """Figures and the config go to MLflow by a thread of their own."""

    def __init__(self, facts: RunFacts, tracking_uri: str | None, experiment: str, timeout: float) -> None:
        """Starts to open a run.

        Args:
            facts: The run.
            tracking_uri: Server or database; None: MLFLOW_TRACKING_URI, else ``mlflow.db`` below the output folder.
            experiment: Name of the experiment, made where it is missing.
            timeout: Seconds to wait for a server.
        """
        super().__init__()
        # Before mlflow reads them; its own defaults wait for a dead server for minutes.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(max(1, round(timeout))))
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
        from mlflow import MlflowClient

        output = facts.output_dir.resolve()
        self.uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{output}/mlflow.db"
        self._wait = timeout if self.uri.startswith("http") else LOCAL
        make: Callable[..., Any] = MlflowClient
        self._make_client = make
        self._client: Any = None
        self._run_id = ""
        self._told: Told = set()
        self._queue = BackgroundQueue("MLflow")
        self._queue.put(lambda: self._open(facts, experiment, output))

    @property
    def name(self) -> str:
        """Name among the loggers."""
        return "mlflow"

    @property
    def version(self) -> str:
        """Number of the run, empty until it is open."""
        return self._run_id

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Nothing: the config was logged when the run was opened."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Figures of one step, NaN left out."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        found = [
            Metric(_key(name), float(value), now, step or 0) for name, value in metrics.items() if float(value) == value
        ]
        self._queue.put(lambda: self._log(found))

    def _log(self, metrics: Sequence[Any]) -> None:
        new = [metric for metric in metrics if (metric.key, metric.step) not in self._told]
        if new:
            self._client.log_batch(self._run_id, metrics=new)

    def flush(self) -> None:
        """Waits until the queue is empty: what was logged before a checkpoint must not be lost by a kill after it."""
        # A database on this machine ends what it does, if only after its tables were made on a busy one.
        self._queue.drain(min(self._wait, PATIENCE) if self.uri.startswith("http") else self._wait)

    def show(self, key: str, pictures: Sequence[Picture], step: int) -> None:
        """Panels as they are on disk, with a slider over the steps."""
        for picture in pictures:
            self._log_image(picture.drawn, key=f"{key}/{picture.stem}", step=step)

    def tested(self, report: TestReport) -> None:
        """The panels, numbered from worst to best, and the figures of each image as a table."""
        for number, picture in enumerate(report.pictures, start=1):
            self._log_image(picture.drawn, artifact_file=f"panels/test/{number:02d}_{picture.stem}.png")

        if report.images:
            text = _csv(report.images)
            self._queue.put(lambda: self._client.log_text(self._run_id, text, "test/per_image.csv"))

    def _log_image(self, pixels: Pixels, **where: Any) -> None:
        self._queue.put(lambda: self._client.log_image(self._run_id, pixels, **where))

    def end(self, *, ok: bool) -> None:
        """Closes the run, after all that was logged before."""
        status = "FINISHED" if ok else "FAILED"
        self._queue.put(lambda: self._client.set_terminated(self._run_id, status))
        self._queue.close(self._wait)

    def _open(self, facts: RunFacts, experiment: str, output: Path) -> None:
        if self.uri.startswith("sqlite:///"):
            Path(self.uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
            with _alone(output):
                number = self._experiment(experiment, (output / "mlartifacts").as_uri())
        else:
            number = self._experiment(experiment, None)
        tags = {"mlflow.note.content": str(facts.folder), **({"sweep": facts.group} if facts.group else {})}
        tags |= {key: str(value) for key, value in facts.summary.items() if value is not None}
        if words := facts.config.get("tags"):
            tags["tags"] = ", ".join(words)
        if commit := facts.summary.get("commit"):
            tags["mlflow.source.git.commit"] = str(commit)
        self._run_id = self._earlier(facts, tags) or self._new(number, facts.name, tags)
        keep_id(facts.folder, SERVICE, self._run_id)
        self._log_config(facts.config)

    def _new(self, number: str, name: str | None, tags: Mapping[str, str]) -> str:
        return str(self._client.create_run(number, run_name=name, tags=dict(tags)).info.run_id)

    def _earlier(self, facts: RunFacts, tags: Mapping[str, str]) -> str | None:
        """Opens the run again that this one goes on from, where the server still has it."""
        from mlflow.exceptions import MlflowException

        found = stored_id(facts.folder, SERVICE) or stored_id(facts.goes_on_from, SERVICE)
        if found is None:
            return None
        try:
            self._client.update_run(found, status="RUNNING")
        except MlflowException:
            LOG.warning(f"MLflow: {self.uri} does not have the run {found} any more; this one is logged as a new run")
            return None
        for key, value in tags.items():
            self._client.set_tag(found, key, value)
        for key in self._client.get_run(found).data.metrics:
            self._told |= {(key, point.step) for point in self._client.get_metric_history(found, key)}
        return found

    def _experiment(self, name: str, artifacts: str | None) -> str:
        self._client = self._make_client(tracking_uri=self.uri)
        found = self._client.get_experiment_by_name(name)
        number = found.experiment_id if found else self._client.create_experiment(name, artifact_location=artifacts)
        return str(number)

    def _log_config(self, config: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        # A parameter that is there cannot be changed; a run that goes on has them all.
        known = self._client.get_run(self._run_id).data.params
        flat = [(_key(key), str(value)[:LONGEST]) for key, value in flatten(config)]
        params = [Param(key, value) for key, value in flat if key not in known]
        for start in range(0, len(params), 100):  # as many as MLflow takes at a time
            self._client.log_batch(self._run_id, params=params[start : start + 100])


def _csv(lines: Sequence[Mapping[str, str]]) -> str:
    """Lines as a CSV file, which MLflow shows as a table."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(lines[0]))
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue()


def _key(name: str) -> str:
    """A name with only the characters that MLflow takes."""
    return re.sub(r"[^\w\-. :/]", "_", name)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Jobs of a sweep start together, and two that make the tables of a database at once fail."""
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".mlflow.lock"):
        yield
