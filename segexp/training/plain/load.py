"""The LightningModule of the user's own that an earlier run has trained."""

from collections.abc import Collection
from pathlib import Path

import lightning.pytorch as pl
import torch

from segexp.config.experiment import Experiment
from segexp.config.migration import migrated_stored
from segexp.config.stored.check import check_stored
from segexp.runs.archive import check_archive
from segexp.runs.checkpoints import tested_checkpoint
from segexp.runs.json_yaml import read_yaml
from segexp.training.plain.build import build_data, build_module, offered


def load_module(run: Path, checkpoint: str = "best", *, trust: Collection[str] = ()) -> pl.LightningModule:
    """Builds the module of a run with the weights of a checkpoint, in evaluation mode, on the processor.

    Args:
        run: The run folder.
        checkpoint: ``best``: the weights that were tested, which are the last ones where validations chose none; or
            ``last``.
        trust: Packages of your own whose classes the run may name.

    Raises:
        StoredError: The run asks for more than data may.
        DataError: The checkpoint is damaged.
    """
    source = run / "config.yaml"
    config = migrated_stored(read_yaml(source), source)
    check_stored(config, source, trust)
    experiment = Experiment.from_plain(config)
    data = build_data(experiment) if offered(experiment) else pl.LightningDataModule()
    module = build_module(experiment, data)
    weights = tested_checkpoint(run) if checkpoint == "best" else run / "checkpoints" / f"{checkpoint}.ckpt"
    check_archive(weights)
    stored = torch.load(weights, map_location="cpu", weights_only=True)
    module.load_state_dict(stored["state_dict"])
    return module.eval()
