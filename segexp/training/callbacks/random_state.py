"""Keeps the state of random numbers in checkpoints."""

from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback

from segexp.data.sampling.batches import rank_of
from segexp.tasks.distributed import all_objects


class RandomState(Callback):
    """Keeps the state of torch's random numbers (dropout) in each checkpoint; data is drawn by (seed, epoch, index).

    On several ranks each has numbers of its own, or samples of different ranks would lose the same values.
    """

    def __init__(self, seed: int) -> None:
        """Numbers of ranks above 0 derive from the run's seed and the rank."""
        self._seed = seed

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Starts the numbers of a rank above 0, before a checkpoint is read."""
        if stage == "fit" and trainer.global_rank > 0:
            seed = np.random.SeedSequence((self._seed, trainer.global_rank)).generate_state(1, np.uint64)
            torch.manual_seed(int(seed[0] >> 1))

    def state_dict(self) -> dict[str, Any]:
        """States of the processor and of each GPU, uint8 tensors; those of other ranks in ``others``, in order."""
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        first, *others = all_objects({"cpu": torch.get_rng_state(), "cuda": cuda})
        return {**first, "others": others}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on where the checkpoint was written; a rank that was not there then starts with its own numbers."""
        states = [state_dict, *state_dict.get("others", [])]
        rank, _ = rank_of()
        if rank >= len(states):
            return
        torch.set_rng_state(states[rank]["cpu"])
        if torch.cuda.is_available() and len(states[rank]["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(states[rank]["cuda"])
