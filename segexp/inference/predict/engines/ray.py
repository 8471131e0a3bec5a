"""Predictions on a Ray cluster: a process with the model on each device, and the files handed out one by one.

Plain actors, not Ray Data: that moves pixels from process to process as tables, while a raster here is read, predicted
and written window by window in one process, and each file must end, fail or be begun again by itself.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from segexp.config.command_schema import PredictConfig
from segexp.config.stored.trust import shared_trust
from segexp.inference.model import Model
from segexp.inference.predict.engines.pool import LostError, Pool, PoolError
from segexp.inference.predict.engines.ray_actor import PredictionActor
from segexp.inference.predict.inputs import Input
from segexp.inference.predict.output_folder import weights_fingerprint
from segexp.inference.predict.remote.address import shared_settings
from segexp.inference.predict.settings import output_settings, resolve_output
from segexp.inference.predict.worker import FileResult
from segexp.runs.console import LOG
from segexp.system.ray_cluster import connect_ray, node_resources, unmet_resources


class RayPredictionEngine:
    """Engine that predicts with the actors of a Ray cluster."""

    def __init__(self, config: PredictConfig, model: Model) -> None:
        """Joins the cluster; see :func:`segexp.inference.predict.engines.base.make_prediction_engine`."""
        self._config, self._model, keys = config, model, config.ray
        self._ray = connect_ray("", keys.address)
        gpus = _gpus(keys.gpus, config.device, node_resources(self._ray))
        self.requested = {"CPU": keys.cpus, "GPU": gpus}
        for note in unmet_resources(self._ray, self.requested, "files"):
            LOG.warning(note)
        device = "cpu" if config.device == "auto" and not gpus else config.device
        self._given = (config, device, Path.cwd(), shared_settings() | shared_trust())
        self._weights = weights_fingerprint(model)
        self._remote = self._ray.remote(num_cpus=keys.cpus, num_gpus=gpus, max_restarts=0)(PredictionActor)
        self._pool: Pool | None = None

    def run(self, files: Sequence[Input]) -> Iterator[FileResult]:
        """Predicts files and yields their results in the order in which they end."""
        keys = self._config.ray
        size = count_actors(node_resources(self._ray), self.requested) if keys.actors == "auto" else keys.actors
        size = max(1, min(size, len(files)))
        cores, gpus = self.requested["CPU"], self.requested["GPU"]
        LOG.info(f"engine      Ray, {size} at a time with {cores} cores and {gpus:g} GPU each")
        self._pool = Pool(self, size, retries=keys.retries, overwrite=self._config.overwrite)
        return self._pool.run(files)

    def close(self) -> None:
        """Leaves the cluster, which ends the actors; of files under way nothing stays."""
        self._ray.shutdown()
        for file in self._pool.under_way if self._pool is not None else []:
            self.remove_partial(file)

    def start_worker(self) -> tuple[Any, Any]:
        """Starts an actor where Ray has room; gives it and the ticket of its getting ready."""
        actor = self._remote.remote(*self._given)
        return actor, actor.ready.remote(self._weights)

    def submit(self, worker: Any, file: Input, *, overwrite: bool) -> Any:
        """Asks an actor for a file; gives the ticket."""
        return worker.predict.remote(file, overwrite=overwrite)

    def wait(self, tickets: Sequence[Any]) -> Sequence[Any]:
        """Waits until one of the tickets has ended.

        Raises:
            PoolError: The cluster is gone.
        """
        try:
            ready, _ = self._ray.wait(list(tickets), num_returns=1)
        except (self._ray.exceptions.RaySystemError, ConnectionError) as error:
            raise PoolError(f"Ray is gone: {error}; the same command goes on where it was") from error
        return list(ready)

    def result(self, ticket: Any) -> FileResult | None:
        """Gives the answer of an actor.

        Raises:
            LostError: It cannot.
        """
        errors = self._ray.exceptions
        try:
            found: FileResult | None = self._ray.get(ticket)
        except errors.RayTaskError as error:
            cause = getattr(error, "cause", None) or error
            raise LostError(f"{type(cause).__name__}: {cause}") from error
        except errors.RayError as error:
            raise LostError(" ".join([type(error).__name__, *str(error).strip().splitlines()[:1]])) from error
        return found

    def stop_worker(self, worker: Any) -> None:
        """Ends an actor."""
        self._ray.kill(worker)

    def remove_partial(self, file: Input) -> None:
        """Removes the unfinished outputs of a file."""
        output_settings(self._config).remove_partial(self._model.spec, resolve_output(self._config) / file.stem)


def count_actors(found: Sequence[Any], requested: dict[str, float]) -> int:
    """Counts the actors that a cluster has room for: by node, since none spans two."""
    needed = {name: number for name, number in requested.items() if number}
    return sum(int(min(node.get(name, 0) / number for name, number in needed.items())) for node in found)


def _gpus(requested: float | str, device: str, found: Sequence[Any]) -> float:
    """GPUs of an actor: a whole one where there are any, unless the processor is asked for."""
    if requested != "auto":
        return float(requested)
    wants = device == "gpu" or (device == "auto" and any(node.get("GPU", 0) for node in found))
    return 1 if wants else 0
