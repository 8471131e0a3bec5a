"""One run that was trained from Python, for many tests."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from segexp import Run, train
from tests.training.runs import LEARNING, TINY, printed_in


@dataclass(frozen=True)
class FromPython:
    """The run, what was printed, and the next random number of torch after it."""

    run: Run
    out: str
    number: float


@pytest.fixture(scope="session")
def from_python(tmp_path_factory: pytest.TempPathFactory) -> FromPython:
    with printed_in(tmp_path_factory.mktemp("python")) as out:
        torch.manual_seed(3)
        run = train(*TINY, *LEARNING, "trainer.max_epochs=2", "panels=1")
        return FromPython(run, out.getvalue(), float(torch.rand(())))


@pytest.fixture
def run(from_python: FromPython) -> Run:
    return Run(Path(from_python.run.path))
