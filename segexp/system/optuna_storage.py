"""Opens the database of an Optuna study, with patience, and makes the pruner of its settings."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segexp.errors import ConfigError

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.storages import BaseStorage

FILE = "study.db"
"""Name of the database in the folder of a sweep."""


PATIENCE = 60
"""Seconds to wait while another process writes to an SQLite file."""


TRIES, PAUSE = 5, 0.5
"""How often, and after how many seconds, a database is opened again that another worker is just making."""


def storage_url(storage: str | None, sweep: Path) -> str:
    """Gives the URL of the database, or the path of the journal, of a study.

    Args:
        storage: URL of a database, or the path of a journal (``.log``); None: a file in the sweep's folder.
        sweep: That folder.
    """
    if storage is None:
        return f"sqlite:///{(sweep / FILE).absolute()}"
    prefix = "sqlite:///"
    if storage.startswith(prefix):
        # A sweep that goes on may be started from another folder.
        return prefix + str(Path(storage.removeprefix(prefix)).absolute())
    return storage if "://" in storage else str(Path(storage).absolute())


def open_storage(url: str) -> "BaseStorage":
    """Opens a database or a journal.

    Raises:
        ConfigError: It cannot be opened.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        for _ in range(TRIES):
            try:
                return _open(url)
            except Exception as error:
                if not _is_being_made(error):
                    raise
                time.sleep(PAUSE)
        return _open(url)
    except Exception as error:  # whatever SQLAlchemy, its driver or the file system raise
        reason = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        raise ConfigError(
            f"sweep.storage: cannot open {url} ({reason}); give sqlite:///<file>, a URL as SQLAlchemy has it, "
            "or <file>.log for a journal, which is safe on network file systems"
        ) from error


def _open(url: str) -> "BaseStorage":
    from optuna.storages import JournalStorage, RDBStorage

    if "://" not in url:
        from optuna.storages.journal import JournalFileBackend

        return JournalStorage(JournalFileBackend(url))
    wait = {"connect_args": {"timeout": PATIENCE}} if url.startswith("sqlite:") else {"pool_pre_ping": True}
    return RDBStorage(url, engine_kwargs=wait)


def _is_being_made(error: Exception) -> bool:
    """Whether another worker makes the tables of a new database at the same moment."""
    from sqlalchemy.exc import IntegrityError

    return isinstance(error, IntegrityError) or "already exists" in str(error)


def make_pruner(settings: Mapping[str, Any]) -> "BasePruner":
    """Makes the pruner that ends bad trials early.

    Args:
        settings: ``pruner``, ``startup``, ``warmup`` of the sweep's section, and ``epochs`` of the longest trial.
    """
    from optuna import pruners

    match settings["pruner"]:
        case "median":
            return pruners.MedianPruner(n_startup_trials=settings["startup"], n_warmup_steps=settings["warmup"])
        case "hyperband":
            least = max(1, min(settings["warmup"], settings["epochs"]))
            return pruners.HyperbandPruner(min_resource=least, max_resource=settings["epochs"])
        case _:
            return pruners.NopPruner()
