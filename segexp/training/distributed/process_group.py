"""The group of ranks that train together: joining and leaving it, and what one rank tells the others."""

import logging
import os
import time
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from torch import distributed

from segexp.config.experiment import Experiment
from segexp.runs.console import LOG
from segexp.training.distributed.messages import Board, OtherRank, is_lost
from segexp.training.distributed.plan import RankInfo, started

PATIENCE = timedelta(hours=2)
"""How long a rank waits for another, which may draw pictures or have the larger validation images."""
NOTICE = 5.0
"""Seconds in which the reason why another rank is gone becomes known."""


def join(experiment: Experiment) -> RankInfo:
    """Joins the group that this process was started for; alone where there is none."""
    place = started()
    if place is None or place.count == 1:
        return RankInfo()
    if place.rank > 0:
        _be_quiet()
    cuda = experiment.device == "cuda"
    if cuda:
        torch.cuda.set_device(place.local)
    board = Board.here()
    if board is None:
        _addresses(place)
        distributed.init_process_group(_backend(cuda), timeout=PATIENCE)
    else:
        store = f"file://{board.store}"
        distributed.init_process_group(
            _backend(cuda), init_method=store, rank=place.rank, world_size=place.count, timeout=PATIENCE
        )
    return place


def _backend(cuda: bool) -> str:
    return "nccl" if cuda else "gloo"


def _addresses(place: RankInfo) -> None:
    """The environment as torchrun sets it, where srun has started the ranks."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        return
    slurm = SLURMEnvironment()
    own = {
        "RANK": place.rank, "LOCAL_RANK": place.local, "WORLD_SIZE": place.count, "LOCAL_WORLD_SIZE": place.here,
        "GROUP_RANK": place.rank // place.here, "MASTER_ADDR": slurm.main_address, "MASTER_PORT": slurm.main_port,
    }  # fmt: skip
    os.environ.update({name: str(value) for name, value in own.items()})


def _be_quiet() -> None:
    """Rank 0 says what there is to say: the others would say the same once more."""
    LOG.setLevel(logging.CRITICAL)
    for name in ("lightning.pytorch", "lightning.fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.simplefilter("ignore")


def leave() -> None:
    """Leaves the group together with the others; what comes is done by one rank alone."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.barrier()
        distributed.destroy_process_group()


def once_per_machine(do: Callable[[], object]) -> None:
    """Does something on one rank of each machine, while the others wait, as Lightning's ``prepare_data`` is called."""
    place = started()
    if place is None or place.local == 0:
        do()
    if distributed.is_available() and distributed.is_initialized():
        distributed.barrier()


def broadcast_run_dir(folder: Path | None = None) -> Path:
    """Sends the run folder that rank 0 has made to the other ranks, and to the process that started them.

    Args:
        folder: The run folder on rank 0; None on the others, which wait for it.

    Returns:
        The run folder, on each rank.
    """
    board = Board.here()
    if board is not None and folder is not None:
        board.record_run_dir(folder)
    return Path(_broadcast(None if folder is None else str(folder.resolve())))


def _broadcast(text: str | None) -> Any:
    if not distributed.is_initialized():
        return text
    content = [text]
    distributed.broadcast_object_list(content, src=0)
    return content[0]


def interrupted() -> int:
    """Number of the signal that ends all ranks, 0 where none does: that another is gone is then a consequence."""
    board = Board.here()
    return 0 if board is None else board.interrupted


def reason(error: BaseException) -> BaseException:
    """The error itself, or what became of another rank if that is what it speaks of."""
    board = Board.here()
    if board is None or not is_lost(error):
        return error
    end = time.monotonic() + NOTICE
    while time.monotonic() < end:
        cause = board.cause()
        if cause is not None:
            return OtherRank(f"rank {cause.rank}: {cause.text}", cause.code)
        time.sleep(0.1)
    return error
