"""The Lightning Trainer of an evaluation, and the determinism that all Trainers share."""

from typing import Any, Literal

import lightning.pytorch as pl
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment

from segexp.evaluation.memory import ReleaseMemory
from segexp.evaluation.watchdog import Watchdog

ALONE = LightningEnvironment
"""Environment of a trainer for one process, whatever the variables of a cluster say."""


def build_tester(
    accelerator: str,
    deterministic: bool | Literal["warn"],
    devices: int | list[int] = 1,
    limit: float | None = None,
    watchdog: float | None = None,
) -> pl.Trainer:
    """A trainer for evaluation only: no logger, no checkpoint, one device, so that no image counts twice.

    Args:
        accelerator: ``auto``, ``cpu``, ``gpu`` or ``mps``.
        deterministic: That of the training whose model is evaluated.
        devices: The number of a GPU in a list; 1: the first.
        limit: Batches that it sees of each loader, as Lightning limits them: their number, or a share of them, a
            float; None: all.
        watchdog: Minutes without progress after which a line says so; None: it is not told.
    """
    return pl.Trainer(
        accelerator=accelerator, devices=devices, **determinism(deterministic), logger=False,
        enable_checkpointing=False, callbacks=[ReleaseMemory(), Watchdog(watchdog)], enable_progress_bar=False,
        barebones=False, plugins=[ALONE()], limit_test_batches=limit, limit_val_batches=limit,
    )  # fmt: skip


def determinism(deterministic: bool | Literal["warn"]) -> dict[str, Any]:
    """Arguments of a Trainer that its results depend on; ``deterministic`` is that of the section ``trainer``."""
    # Lightning switches PyTorch to deterministic algorithms, which by default also fills all new memory with nan
    # to expose reads of it: a costly check that finds nothing in a working program.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    return {"deterministic": deterministic, "enable_model_summary": False, "use_distributed_sampler": False}
