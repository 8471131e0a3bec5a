"""One sweep process per folder: a lock that every process of the sweep holds, and that ends with the last of them."""

from pathlib import Path

from segexp.runs.lock import PATIENCE, FolderLock


class SweepLock(FolderLock):
    """Held from here on; whoever inherits :attr:`handle` holds it too.

    A sweep whose owner was killed on another machine is taken over: the lock of the system, or the queue of SLURM,
    tells of the processes that are left.
    """

    def __init__(self, folder: Path, patience: float = PATIENCE) -> None:
        """Takes the lock.

        Raises:
            BusyError: The sweep is running.
        """
        super().__init__(
            folder,
            patience,
            over="*",
            says=lambda owner: f"sweep.resume: {folder} is in use by {owner}; wait until it has ended, or end it",
        )
