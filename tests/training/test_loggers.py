"""TensorBoard and W&B beside metrics.csv: the same figures, one run each, no network and no question."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from segexp.run.folder import RunFolder
from segexp.training import loggers
from segexp.training.loggers import EpochTable, close_loggers, wandb_logger
from tests.training.runs import TINY, folders, go, read_json, table


def test_tensorboard_holds_what_metrics_csv_holds() -> None:
    done = go("logger=tensorboard")
    events = EventAccumulator(str(done.path / "tensorboard"))
    events.Reload()
    tags = set(events.Tags()["scalars"])
    columns = set(done.rows[0]) - {"epoch"}
    assert columns <= tags
    for name in columns:
        values = [event.value for event in events.Scalars(name)]
        assert values == pytest.approx([float(row[name]) for row in done.rows], rel=1e-6), name
    (tested,) = events.Scalars("test/miou")
    assert tested.value == pytest.approx(done.content["rows"][0]["dataset"]["miou"], rel=1e-6)
    assert events.Scalars("test/dice/vessel")[0].value > 0
    assert {path.name for path in done.path.iterdir() if path.is_dir()} == {"checkpoints", "tensorboard"}


def test_wandb_is_offline_asks_nothing_and_opens_a_run_per_job() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "segexp", "-m", *TINY, "logger=wandb", "seed=1,2", "panels=0", "baselines=false"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, check=False, env={**os.environ},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    runs = folders()
    assert len(runs) == 2
    ids = set()
    for folder in runs:
        (offline,) = [path for path in (folder / "wandb").iterdir() if path.name.startswith("offline-run")]
        ids.add(offline.name)
        (log,) = (path.read_bytes() for path in offline.glob("*.wandb"))
        for name in (b"val/miou", b"test/miou", b"train/loss/jaccard", b"crops_per_image"):
            assert name in log
        assert read_json(folder / "run.json")["state"] == "finished"
        for number in (1, 2):
            assert (folder / "log.txt").read_text().count(f"epoch {number}/2 ") == 1
    assert len(ids) == 2
    for output in runs[0].parent.glob("jobs/*/output.log"):
        for line in ("epoch 1/2 ", "epoch 2/2 ", "W&B: no key is set"):
            assert output.read_text().count(line) == 1
        assert f"epoch {number}/2 " not in done.stderr
    assert not Path("wandb").exists()


class Seen:
    """Stands in for Lightning's logger."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings


@pytest.mark.parametrize(
    ("mode", "user", "key", "offline"),
    [
        ("auto", None, None, True),
        ("auto", None, "x", False),
        ("auto", "offline", "x", True),
        ("auto", "dryrun", "x", True),
        ("online", "offline", None, False),
        ("offline", "online", "x", True),
    ],
)
def test_mode(
    mode: Any, user: str | None, key: str | None, offline: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("lightning.pytorch.loggers.WandbLogger", Seen)
    monkeypatch.setattr(loggers, "_MODE_OF_USER", user)
    if key:
        monkeypatch.setenv("WANDB_API_KEY", key)
    built: Any = wandb_logger(str(tmp_path), mode=mode, group="sweep", config={"a": 1})
    assert built.settings["offline"] is offline
    assert os.environ["WANDB_MODE"] == ("offline" if offline else "online")
    assert (built.settings["group"], built.settings["config"]) == ("sweep", {"a": 1})


def test_key_in_netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password x\n")
    assert not loggers._wandb_key()
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert loggers._wandb_key()


@pytest.mark.parametrize(("ok", "code"), [(True, 0), (False, 1)])
def test_a_run_of_wandb_is_ended_with_its_job(ok: bool, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb
    from lightning.pytorch.loggers import WandbLogger

    codes: list[int] = []
    monkeypatch.setattr(wandb, "run", object())
    monkeypatch.setattr(wandb, "finish", lambda *, exit_code: codes.append(exit_code))
    close_loggers([WandbLogger(offline=True)], ok=ok)
    assert codes == [code]


def test_epoch_table_goes_on_from_earlier_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from segexp.run.console import start_console

    start_console()
    earlier = [{"epoch": 0, "val/miou": 0.5}, {"epoch": 1, "val/miou": 0.7}]
    written = EpochTable(RunFolder(tmp_path), "val/miou", "max", 4, earlier)
    for epoch, value in ((2, 0.6), (3, 0.8)):
        written.log_metrics({"epoch": epoch, "val/miou": value})
        written.log_metrics({"epoch": epoch, "train/loss": 1.0, "lr": float("nan")})
    rows = table(tmp_path / "metrics.csv")
    assert [float(row["val/miou"]) for row in rows] == [0.5, 0.7, 0.6, 0.8]
    assert "lr" not in rows[0]
    lines = capsys.readouterr().out.splitlines()
    assert [line.endswith("best") for line in lines] == [False, True]
