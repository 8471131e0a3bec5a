"""Warnings of the libraries that say nothing about a run."""

import logging
import warnings


def quiet_warnings() -> None:
    """Leaves them out; everything else stays and lands in log.txt."""
    logging.getLogger("matplotlib").setLevel(logging.WARNING)
    # We choose the number of workers by measurement, see segexp.data.sampling.loader.
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    # The run folder is new; Lightning warns because checkpoints/ may exist when a test resumes into it.
    warnings.filterwarnings("ignore", message=".*Checkpoint directory .* exists and is not empty.*")
    # Only whole epochs are logged, see build_trainer.
    warnings.filterwarnings("ignore", message=".*is smaller than the logging interval.*")
    # torch's own use of a deprecated call inside Lightning's tree utilities.
    warnings.filterwarnings("ignore", message=".*LeafSpec.*deprecated.*")
    # What is logged is the same on all ranks already.
    warnings.filterwarnings("ignore", message=".*recommended to use `self.log.*sync_dist=True.*")
    # segexp starts its processes by itself, or is started by srun.
    warnings.filterwarnings("ignore", message=".*`srun` command is available.*")
    # A frozen encoder stays in evaluation mode: its running statistics belong to its weights.
    warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
    # Ours begin with the batch that comes next, see segexp.training.callbacks.within_epoch.
    warnings.filterwarnings("ignore", message=".*ended before the epoch ended and your dataloader is.*")
