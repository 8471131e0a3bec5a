"""Predictions on a Ray cluster: a process with the model on each device, and the files handed out one by one.

Plain actors, not Ray Data: that moves pixels from process to process as tables, while a raster here is read, predicted
and written window by window in one process, and each file must end, fail or be begun again by itself.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from segexp.config.command_schema import PredictConfig
from segexp.config.trust import shared_trust
from segexp.inference.model import Model
from segexp.inference.predict.inputs import Input
from segexp.inference.predict.order import output_of, wanted_of
from segexp.inference.predict.outputs import fingerprint
from segexp.inference.predict.pool import LostError, Pool, PoolError
from segexp.inference.predict.ray_actor import Actor
from segexp.inference.predict.remote.address import shared_settings
from segexp.inference.predict.worker import Outcome
from segexp.runs.console import LOG
from segexp.system.ray_cluster import connect, nodes, too_much


class RayEngine:
    """The actors of one call, and their pool."""

    def __init__(self, config: PredictConfig, model: Model) -> None:
        """Joins the cluster; see :func:`segexp.inference.predict.engine.make_engine`."""
        self._config, self._model, keys = config, model, config.ray
        self._ray = connect("", keys.address)
        gpus = _gpus(keys.gpus, config.device, nodes(self._ray))
        self.asked = {"CPU": keys.cpus, "GPU": gpus}
        for note in too_much(self._ray, self.asked, "files"):
            LOG.warning(note)
        device = "cpu" if config.device == "auto" and not gpus else config.device
        self._given = (config, device, Path.cwd(), shared_settings() | shared_trust())
        self._weights = fingerprint(model)
        self._remote = self._ray.remote(num_cpus=keys.cpus, num_gpus=gpus, max_restarts=0)(Actor)
        self._pool: Pool | None = None

    def run(self, files: Sequence[Input]) -> Iterator[Outcome]:
        """Files in the order in which they end."""
        keys = self._config.ray
        size = room(nodes(self._ray), self.asked) if keys.actors == "auto" else keys.actors
        size = max(1, min(size, len(files)))
        LOG.info(f"engine      Ray, {size} at a time with {self.asked['CPU']} cores and {self.asked['GPU']:g} GPU each")
        self._pool = Pool(self, size, retries=keys.retries, anew=self._config.overwrite)
        return self._pool.run(files)

    def close(self) -> None:
        """Leaves the cluster, which ends the actors; of files that they were at nothing stays."""
        self._ray.shutdown()
        for file in self._pool.under_way if self._pool is not None else []:
            self.clean(file)

    def hire(self) -> tuple[Any, Any]:
        """An actor; Ray starts it where there is room."""
        actor = self._remote.remote(*self._given)
        return actor, actor.ready.remote(self._weights)

    def begin(self, worker: Any, file: Input, *, anew: bool) -> Any:
        """Asks an actor for a file."""
        return worker.predict.remote(file, anew=anew)

    def ended(self, tickets: Sequence[Any]) -> Sequence[Any]:
        """Waits for one.

        Raises:
            PoolError: The cluster is gone.
        """
        try:
            ready, _ = self._ray.wait(list(tickets), num_returns=1)
        except (self._ray.exceptions.RaySystemError, ConnectionError) as error:
            raise PoolError(f"Ray is gone: {error}; the same command goes on where it was") from error
        return list(ready)

    def result(self, ticket: Any) -> Outcome | None:
        """What an actor answered.

        Raises:
            LostError: It cannot.
        """
        errors = self._ray.exceptions
        try:
            found: Outcome | None = self._ray.get(ticket)
        except errors.RayTaskError as error:
            cause = getattr(error, "cause", None) or error
            raise LostError(f"{type(cause).__name__}: {cause}") from error
        except errors.RayError as error:
            raise LostError(" ".join([type(error).__name__, *str(error).strip().splitlines()[:1]])) from error
        return found

    def dismiss(self, worker: Any) -> None:
        """Ends an actor."""
        self._ray.kill(worker)

    def clean(self, file: Input) -> None:
        """Removes unfinished files."""
        wanted_of(self._config).remove_partial(self._model.spec, output_of(self._config) / file.stem)


def room(found: Sequence[Any], asked: dict[str, float]) -> int:
    """How many actors a cluster has room for: by node, since none spans two."""
    needed = {name: number for name, number in asked.items() if number}
    return sum(int(min(node.get(name, 0) / number for name, number in needed.items())) for node in found)


def _gpus(asked: float | str, device: str, found: Sequence[Any]) -> float:
    """GPUs of an actor: a whole one where there are any, unless the processor is asked for."""
    if asked != "auto":
        return float(asked)
    wants = device == "gpu" or (device == "auto" and any(node.get("GPU", 0) for node in found))
    return 1 if wants else 0
