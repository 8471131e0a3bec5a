"""Averages the weights over the steps of a training, for validation, test and checkpoint."""

from typing import Any

from lightning.pytorch.callbacks import EMAWeightAveraging

from segexp.types import Decay


class WeightAverage(EMAWeightAveraging):
    """Exponential moving average of the weights: each step it moves by (1 - decay) towards the weights."""

    def __init__(self, decay: Decay, **keys: Any) -> None:
        """Takes the decay, and the keys of Lightning's callback."""
        super().__init__(decay=decay, **keys)

    @property
    def state_key(self) -> str:
        """Key of Lightning's own callback, whose state checkpoints of version 0.1 hold."""
        return "EMAWeightAveraging"
