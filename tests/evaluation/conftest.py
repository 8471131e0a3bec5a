"""The fixtures of tests that train a run."""

from tests.training.conftest import finished, outputs, settings_of_torch

__all__ = ["finished", "outputs", "settings_of_torch"]
