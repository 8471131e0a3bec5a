"""SIGKILL to a whole sweep, again and again: what it gives in the end is what it would have given.

The version with ten kills is benchmarks/sweep_kill.py.
"""

import random
from pathlib import Path

import pytest

from benchmarks.sweep_kill import SMALL, compare


@pytest.mark.parametrize("kills", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_killed_at_random_moments(tmp_path: Path, kills: int) -> None:
    small = [*SMALL, "trainer.max_epochs=6", "panels=0", "metric=none", "bootstrap=0", "seed=0,1,2"]
    assert compare(tmp_path, kills=kills, chance=random.Random(), overrides=small) == []
