"""A batch divided between two processes gives the gradients and statistics of the whole one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.contracts.test_losses import CASES

REPOSITORY = Path(__file__).resolve().parents[2]
NORMS = ("1d", "3d", "plain", "cumulative", "bfloat16")
Found = list[dict[str, tuple[Tensor, Tensor]]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What both processes have found."""
    folder = tmp_path_factory.mktemp("ranks")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "GLOO_SOCKET_IFNAME": "lo"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.tasks.rank_checks", str(folder), str(rank)],
            env=environment, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    for process in processes:
        _, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
    return [torch.load(folder / f"found_{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("case", [f"{case.values[0]} {case.values[1]}" for case in CASES])
def test_gradients_of_every_loss(found: Found, case: str) -> None:
    divided, whole = found[0][case]
    assert float(whole.abs().max()) > 0
    # Losses compute in float32.
    torch.testing.assert_close(divided, whole, rtol=2e-5, atol=1e-6)
    assert torch.equal(found[1][case][0], divided)


@pytest.mark.parametrize("name", NORMS)
def test_statistics_of_every_batch_norm(found: Found, name: str) -> None:
    for rank in range(2):
        divided, whole = found[rank][f"norm {name}"]
        # bfloat16 has 8 bits: its last one may round the other way.
        exact = {"rtol": 1e-2, "atol": 2e-2} if name == "bfloat16" else {"rtol": 1e-4, "atol": 1e-5}
        torch.testing.assert_close(divided, whole, **exact)


def test_any_dtype_is_gathered(found: Found) -> None:
    names = [name for name in found[0] if name.startswith("gathered")]
    assert len(names) == 4
    for rank in range(2):
        for name in names:
            assert torch.equal(*found[rank][name])
