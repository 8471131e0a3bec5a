"""Keeps the state of random numbers in checkpoints."""

import random
from collections.abc import Mapping
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback

from segexp.data.sampling.batches import rank_of
from segexp.tasks.distributed import all_objects


class RandomState(Callback):
    """Keeps the state of random numbers (dropout) in each checkpoint; data is drawn by (seed, epoch, index).

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
        """States as :func:`random_states` gives them; those of other ranks in ``others``, in order."""
        first, *others = all_objects(random_states())
        return {**first, "others": others}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on where the checkpoint was written; a rank that was not there then starts with its own numbers."""
        states = [state_dict, *state_dict.get("others", [])]
        rank, _ = rank_of()
        if rank < len(states):
            set_random_states(states[rank])


def random_states() -> dict[str, Any]:
    """States of this process in plain types and tensors: torch on processor and GPUs (uint8), numpy and Python."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    name, keys, *rest = np.random.get_state(legacy=True)
    return {
        "cpu": torch.get_rng_state(),
        "cuda": cuda,
        "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), *rest],
        "python": random.getstate(),
    }


def set_random_states(states: Mapping[str, Any]) -> None:
    """Goes on with states of :func:`random_states`; those of GPUs where there are as many; what is missing stays."""
    torch.set_rng_state(states["cpu"])
    if torch.cuda.is_available() and len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])
    # Checkpoints of before have those of torch alone.
    if "numpy" in states:
        name, keys, *rest = states["numpy"]
        np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    if "python" in states:
        version, internal, gauss = states["python"]
        random.setstate((version, tuple(internal), gauss))
