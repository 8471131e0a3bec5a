"""One finished run that many tests look at."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from tests.training.runs import LEARNING, TINY, Done, composed, folders, printed_in, read_json


@dataclass(frozen=True)
class Finished(Done):
    """A run started on the command line, with what it said."""

    code: int
    out: str


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run with everything: panels, report, baselines."""
    from segexp.cli.app import run

    with printed_in(tmp_path_factory.mktemp("finished")) as out:
        code = run([*TINY, *LEARNING])
        (path,) = folders()
        return Finished(path.resolve(), composed(*LEARNING), read_json(path / "results.json"), code, out.getvalue())


@pytest.fixture(autouse=True)
def settings_of_torch() -> Iterator[None]:
    """Puts back what a run or a test changes in torch for the whole process."""
    threads = torch.get_num_threads()
    algorithms = torch.are_deterministic_algorithms_enabled()
    warn = torch.is_deterministic_algorithms_warn_only_enabled()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(algorithms, warn_only=warn)


@pytest.fixture
def outputs() -> Path:
    """Where runs of a test go; it starts in an empty folder of its own."""
    return Path("outputs")
