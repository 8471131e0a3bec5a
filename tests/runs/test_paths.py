"""Links in a folder that is written into."""

from pathlib import Path

import pytest

from segexp.errors import StoredError
from segexp.runs.paths import refuse_links


def test_links_of_earlier_runs_of_wandb_are_its_own(tmp_path: Path) -> None:
    run = tmp_path / "run" / "wandb" / "offline-run-20261130_120000-abc"
    run.mkdir(parents=True)
    (run / "debug-core.log").symlink_to(tmp_path / "elsewhere.log")
    refuse_links(tmp_path / "run")
    (run.parent / "debug.log").symlink_to(tmp_path / "elsewhere.log")
    with pytest.raises(StoredError, match=r"debug\.log: is a link out of"):
        refuse_links(tmp_path / "run")
