"""A SLURM and a Ray of this machine, for the tests of ``make test-cluster`` alone."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.sweeps import LONG, numbers, table
from tests.sweeps.real import command, environment

SCRIPT = Path(__file__).with_name("slurm.sh")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("SEGEXP_TEST_CLUSTER") == "1":
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="starts a cluster and takes minutes: make test-cluster"))


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A SLURM of one node, in a folder of its own."""
    if shutil.which("slurmctld") is None or shutil.which("munged") is None:
        pytest.skip("SLURM is not installed: apt-get install slurm-wlm munge")
    if os.geteuid() != 0:
        pytest.skip("slurmd must be started by root")
    folder = tmp_path_factory.mktemp("slurm")
    subprocess.run([SCRIPT, "start", folder], check=True)
    before = os.environ.get("SLURM_CONF")
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    try:
        yield folder
    finally:
        subprocess.run(["scancel", "--signal=KILL", "--user=root"], check=False)
        subprocess.run([SCRIPT, "stop", folder], check=True)
        os.environ.pop("SLURM_CONF")
        if before is not None:
            os.environ["SLURM_CONF"] = before


@pytest.fixture
def ray_there() -> None:
    if importlib.util.find_spec("ray") is None:
        pytest.skip("the package ray is not installed: pip install 'segexp[ray]'")


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Numbers and table of the three long jobs, run by the local engine without any trouble."""
    folder = tmp_path_factory.mktemp("local")
    line = command("-m", *LONG, "sweep.engine=local", f"output_dir={folder}")
    subprocess.run(line, check=True, stdout=sys.stderr, env=environment(OMP_NUM_THREADS="1"))
    (sweep,) = (folder / "multirun").iterdir()
    return {"numbers": numbers(sweep), "table": table(sweep)}
