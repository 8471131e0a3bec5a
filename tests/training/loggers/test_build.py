"""TensorBoard, W&B and MLflow beside metrics.csv: the same figures, one run each, no network and no question."""

import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np
import pytest
from mlflow import MlflowClient
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from segexp.report.dashboard import logged_names
from segexp.runs.console import start_console
from segexp.runs.folder import RunFolder
from segexp.system.wandb_key import has_key
from segexp.training.callbacks.panels import panel_epochs
from segexp.training.loggers import wandb_run
from segexp.training.loggers.build import close_loggers, mlflow_logger, tensorboard_logger, wandb_logger
from segexp.training.loggers.epoch_table import EpochTable
from segexp.training.loggers.tracking import RunFacts, tell
from tests.training import wandb_file
from tests.training.runs import TINY, Done, composed, folders, go, read_json, table
from tests.training.runs import run as run_tiny
from tests.training.wandb_server import WandbServer


def test_tensorboard_holds_what_metrics_csv_holds() -> None:
    done = go("logger=tensorboard", "panel_epochs=0")
    (folder,) = (done.path / "tensorboard").iterdir()
    assert folder.name == done.experiment.run_name  # no overrides are known to a run without a command line
    events = EventAccumulator(str(folder))
    events.Reload()
    tags = set(events.Tags()["scalars"])
    # TensorBoard sorts its cards by name: curves come first, then figures of a single dot.
    curves = {tag for tag in tags if tag.startswith(("train/", "val/"))}
    dots = {tag for tag in tags if tag.partition("/")[0] == "z_final"}
    assert tags - curves - dots == {"lr", "seconds", "epoch"}
    assert min(dots) > max(tags - dots)
    columns = set(done.rows[0]) - {"epoch"}
    assert columns <= tags
    for name in columns:
        values = [event.value for event in events.Scalars(name)]
        assert values == pytest.approx([float(row[name]) for row in done.rows], rel=1e-6), name
    (tested,) = events.Scalars("z_final/test/miou")
    assert tested.value == pytest.approx(done.content["rows"][0]["dataset"]["miou"], rel=1e-6)
    assert events.Scalars("z_final/test/dice/vessel")[0].value > 0
    check_hparams(events, done)
    assert {path.name for path in done.path.iterdir() if path.is_dir()} == {"checkpoints", "tensorboard"}


def check_hparams(events: EventAccumulator, done: Done) -> None:
    """HPARAMS holds the config, and names figures that there are."""
    stored = events.summary_metadata
    parts = {tag: HParamsPluginData.FromString(stored[tag].plugin_data.content) for tag in stored if "_hparams_" in tag}
    start = parts["_hparams_/session_start_info"].session_start_info.hparams
    assert start["optimizer.lr"].number_value == done.config["optimizer"]["lr"]
    assert start["model.base"].number_value == 2
    assert start["model._target_"].string_value == done.config["model"]["_target_"]
    figures = {info.name.tag for info in parts["_hparams_/experiment"].experiment.metric_infos}
    assert {"z_final/test/miou", "z_final/best/val/miou"} <= figures <= set(events.Tags()["scalars"])


def test_a_sweep_is_two_offline_runs_of_one_group() -> None:
    """What W&B will show is read back from the offline files; no key, no terminal, no question."""
    done = subprocess.run(
        [sys.executable, "-m", "segexp", "-m", *TINY, "logger=wandb", "seed=1,2", "panels=2", "val_panels=2",
         "panel_epochs=[1]", "metric=none", "baselines=false"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=200, check=False, env={**os.environ},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    jobs = {read_json(path / "run.json")["seed"]: path for path in folders()}
    assert set(jobs) == {1, 2}
    runs = {seed: wandb_file.read(next((path / "wandb").glob("offline-run-*"))) for seed, path in jobs.items()}
    assert len({run.run.run_id for run in runs.values()}) == 2
    assert {run.run.run_group for run in runs.values()} == {jobs[1].parent.name}
    for seed, run in runs.items():
        check_offline_run(run, jobs[seed], seed)
    for output in jobs[1].parent.glob("jobs/*/output.log"):
        for line in ("epoch 1/2 ", "epoch 2/2 ", "W&B: no key is set"):
            assert output.read_text().count(line) == 1
    assert not Path("wandb").exists()


def check_names_of_the_dashboard(run: wandb_file.OfflineRun) -> None:
    """What `segexp dashboard` makes panels of is logged under those names, tables with those columns."""
    logged = {name for row in run.history for name in row}
    assert {*logged_names.CURVES, *logged_names.PICTURES, *logged_names.TABLES} <= logged
    assert {"best/val/miou", "test/miou"} <= logged
    for chart in logged_names.CHARTS:
        assert {*chart.fields.values()} <= {*run.table(chart.table)["columns"]}, chart.table


def check_offline_run(run: wandb_file.OfflineRun, folder: Path, seed: int) -> None:
    record, results = read_json(folder / "run.json"), read_json(folder / "results.json")
    assert record["state"] == "finished"
    assert run.exit_code == 0
    assert run.run.display_name == " ".join(record["overrides"])
    config = [(key, value) for key, value in run.config if key != "_wandb"]
    assert len(config) == len(dict(config))  # each key once
    assert dict(config)["seed"] == seed
    assert dict(config)["datamodule"]["size"] == 32
    logged = [row["val/miou"] for row in run.history if "val/miou" in row]
    assert logged == pytest.approx([float(row["val/miou"]) for row in table(folder / "metrics.csv")], rel=1e-6)
    assert run.summary["parameters"] == record["model"]["parameters"]
    assert run.summary["commit"] == record["git"]["commit"]
    assert run.history[-1].keys() >= {
        "panels/test",
        "test/confusion_table",
        "test/roc_table",
        "test/by_class/iou_table",
    }
    check_names_of_the_dashboard(run)
    best = next(row for row in run.history if "best/val/miou" in row)
    assert best["best/val/miou"] == results["checkpoint"]["value"]
    assert best["test/miou"] == results["rows"][0]["dataset"]["miou"]
    (shown,) = [row["panels/val"] for row in run.history if "panels/val" in row]
    assert shown["count"] == 2
    assert all(set(masks) == {"truth", "prediction"} for masks in shown["all_masks"])
    for masks in shown["all_masks"]:
        for mask in masks.values():
            assert set(np.unique(cv2.imread(str(run.folder / "files" / mask["path"]), 0))) <= {0, 1, 255}
    images = run.table("test/per_image")
    assert images["columns"][:2] == ["image", "picture"]
    dice = [line[images["columns"].index("dice/vessel")] for line in images["data"]]
    assert dice == sorted(dice)
    assert len(dice) == 3
    assert [line[1] is not None for line in images["data"]].count(True) == 2


def test_the_same_panel_is_on_disk_and_in_every_logger() -> None:
    done = run_tiny(
        composed("logger=[tensorboard,mlflow]", "panel_epochs=[0,1]", "val_panels=2", "panels=1", "metric=none"),
        pictures=True,
    )
    on_disk = sorted(path.name for path in (done.path / "panels" / "val").iterdir())
    assert [name[:11] for name in on_disk] == ["epoch_0000_"] * 2 + ["epoch_0001_"] * 2
    assert [name[11:] for name in on_disk[:2]] == [name[11:] for name in on_disk[2:]]
    (folder,) = (done.path / "tensorboard").iterdir()
    events = EventAccumulator(str(folder), size_guidance={"images": 0})
    events.Reload()
    names = [name[11:-4] for name in on_disk[:2]]
    tags = [tag for tag in events.Tags()["images"] if tag.startswith("panels/val/")]
    assert sorted(tags) == [f"panels/val/{name}" for name in names]
    for epoch in (0, 1):
        image = np.frombuffer(events.Images(tags[0])[epoch].encoded_image_string, np.uint8)
        stored = done.path / "panels" / "val" / f"epoch_{epoch:04d}_{names[0]}.png"
        assert np.array_equal(cv2.imdecode(image, 1), cv2.imread(str(stored)))
    (test_panel,) = (done.path / "panels").glob("*.png")
    (copied,) = Path("outputs/mlartifacts").rglob("panels/test/*.png")
    assert np.array_equal(cv2.imread(str(copied)), cv2.imread(str(test_panel)))
    assert len(list(Path("outputs/mlartifacts").rglob("images/*val*.png"))) == 4


@pytest.mark.parametrize(
    ("setting", "logged", "epochs"),
    [("auto", False, set()), ("auto", True, {1, 3, 5, 7, 9}), (0, True, set()), (4, False, {3, 7}),
     ([0, 9], True, {0, 9})],
)  # fmt: skip
def test_epochs_with_pictures(setting: Any, logged: bool, epochs: set[int]) -> None:
    assert panel_epochs(setting, 10, logged=logged) == epochs


def facts(folder: Path, **more: Any) -> RunFacts:
    given: dict[str, Any] = {
        "name": "seed=1",
        "group": "sweep",
        "config": {"a": {"b": 1}},
        "summary": {"parameters": 7},
    }
    return RunFacts(folder, folder, monitor="val/miou", direction="max", **{**given, **more})


class Opened:
    """Stands in for wandb.init and the run that it gives."""

    def __init__(self, failing: str | None = None) -> None:
        self.asked: list[dict[str, Any]] = []
        self.codes: list[int] = []
        self.summary: dict[str, Any] = {}
        self.settings = Namespace(root_dir="")
        self._failing = failing

    def __call__(self, **settings: Any) -> "Opened":
        self.asked.append(settings)
        if settings["mode"] == self._failing:
            raise TimeoutError("no answer")
        return self

    def define_metric(self, *names: str, **settings: Any) -> None:
        pass

    def finish(self, exit_code: int) -> None:
        self.codes.append(exit_code)


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
    opened = Opened()
    monkeypatch.setattr("wandb.init", opened)
    monkeypatch.setattr(wandb_run, "MODE_OF_USER", user)
    if key:
        monkeypatch.setenv("WANDB_API_KEY", key)
    wandb_logger(facts(tmp_path), mode=mode, init_timeout=3, finish_timeout=4)
    (asked,) = opened.asked
    assert asked["mode"] == os.environ["WANDB_MODE"] == ("offline" if offline else "online")
    assert (asked["name"], asked["group"], asked["config"]) == ("seed=1", "sweep", {"a": {"b": 1}})
    settings = asked["settings"]
    assert (settings.init_timeout, settings.finish_timeout, settings.console) == (3, 4, "off")
    assert opened.summary == {"parameters": 7}


def test_a_server_that_does_not_answer_makes_the_run_offline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start_console()
    opened = Opened(failing="online")
    monkeypatch.setattr("wandb.init", opened)
    monkeypatch.setattr(wandb_run, "MODE_OF_USER", None)
    monkeypatch.setenv("WANDB_API_KEY", "x")
    wandb_logger(facts(tmp_path))
    assert [asked["mode"] for asked in opened.asked] == ["online", "offline"]
    (line,) = capsys.readouterr().out.splitlines()
    assert "no answer" in line
    assert f"wandb sync {tmp_path}/wandb/offline-*" in line


def test_a_server_of_wandb_that_dies_in_mid_run_costs_nothing() -> None:
    """The run goes on to its end, says how to sync, and what was logged lies in its folder."""
    server = WandbServer()
    online = {"WANDB_BASE_URL": server.url, "WANDB_API_KEY": "0" * 40}
    done = subprocess.run(
        [sys.executable, "-m", "segexp", *TINY, "logger=wandb", "logger.wandb.finish_timeout=1", "panels=1",
         "panel_epochs=0", "metric=none", "baselines=false"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=200, check=False,
        env={**{key: value for key, value in os.environ.items() if key != "WANDB_MODE"}, **online},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert server.dead.is_set()
    (path,) = folders()
    assert len(table(path / "metrics.csv")) == 2
    (line,) = [line for line in done.stdout.splitlines() if "W&B" in line]
    assert f"wandb sync {path}/wandb/run-*" in line
    (kept,) = (path / "wandb").glob("run-*")
    logged = wandb_file.read(kept)
    assert len(logged.history) >= 2
    assert logged.history[-1].keys() >= {"panels/test", "test/confusion_table", "test/roc_table"}
    images = logged.table("test/per_image")["data"]
    assert len(images) == 3
    assert [line[1] is not None for line in images].count(True) == 1
    assert "WandbRun" not in done.stdout


def test_a_run_that_goes_on_keeps_its_id(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened = Opened()
    monkeypatch.setattr("wandb.init", opened)
    wandb_logger(facts(tmp_path), mode="offline")
    for name in ("offline-run-20260102_030405-second12", "run-20260101_235959-first123"):
        (tmp_path / "wandb" / name).mkdir(parents=True)
    (tmp_path / "wandb" / "latest-run").symlink_to("run-20260101_235959-first123")
    wandb_logger(facts(tmp_path), mode="offline")
    first, again = opened.asked
    assert "id" not in first
    assert (again["id"], again["resume"]) == ("second12", "allow")


@pytest.mark.slow
def test_a_job_killed_below_a_program_that_uses_wandb_too_goes_on(tmp_path: Path) -> None:
    """The process of W&B that the program started still holds the run of the killed job."""
    job = (
        "import os, sys; from pathlib import Path; from tests.training.loggers.test_build import facts, wandb_logger\n"
        f"made = wandb_logger(facts(Path({str(tmp_path)!r})), mode='offline', id='one')\n"
        "os.kill(os.getpid(), 9) if sys.argv[1] == 'killed' else made.end(ok=True)"
    )
    program = (
        "import subprocess, sys, wandb\n"
        "wandb.setup()\n"
        "with wandb.init(mode='offline', dir=sys.argv[2]):\n"
        "    for end in ('killed', 'ends'):\n"
        "        print(subprocess.run([sys.executable, '-c', sys.argv[1], end]).returncode)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, job, str(tmp_path)], capture_output=True, text=True, timeout=100, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])},
    )  # fmt: skip
    assert done.stdout.split() == ["-9", "0"], done.stderr


def test_a_run_held_by_the_writer_of_another_program_gets_a_writer_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Held(Opened):
        def __call__(self, **settings: Any) -> Opened:
            super().__call__(**settings)
            if wandb_run.WRITER in os.environ:
                raise RuntimeError("run ID one is in use")
            return self

    opened = Held()
    monkeypatch.setattr("wandb.init", opened)
    monkeypatch.setattr("wandb.teardown", lambda: None)
    monkeypatch.setenv(wandb_run.WRITER, "3-1-unix-/tmp/of-another")
    wandb_logger(facts(tmp_path), mode="offline", id="one")
    assert [asked["id"] for asked in opened.asked] == ["one", "one"]
    assert wandb_run.WRITER not in os.environ


def test_key_in_netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password x\n")
    assert not has_key()
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert has_key()


@pytest.mark.parametrize(("ok", "code"), [(True, 0), (False, 1)])
def test_a_run_of_wandb_is_ended_with_its_job(
    ok: bool, code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened = Opened()
    monkeypatch.setattr("wandb.init", opened)
    close_loggers([wandb_logger(facts(tmp_path), mode="offline")], ok=ok)
    assert opened.codes == [code]


def test_all_loggers_together_hold_the_same_figures() -> None:
    done = go("logger=[wandb,tensorboard,mlflow]", "seed=3", "panel_epochs=0")
    folders_of = {path.name for path in done.path.iterdir() if path.is_dir()}
    assert folders_of == {"checkpoints", "tensorboard", "wandb"}
    client: Any = MlflowClient(tracking_uri=f"sqlite:///{Path('outputs').resolve()}/mlflow.db")
    experiment = client.get_experiment_by_name("segexp")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["model.base"] == "2"
    assert int(run.data.tags["parameters"]) == done.record["model"]["parameters"]
    assert run.data.tags["mlflow.source.git.commit"] == done.record["git"]["commit"]
    history = client.get_metric_history(run.info.run_id, "val/miou")
    assert [point.value for point in history] == pytest.approx([float(row["val/miou"]) for row in done.rows], rel=1e-6)
    assert run.data.metrics["test/miou"] == pytest.approx(done.content["rows"][0]["dataset"]["miou"], rel=1e-6)


def test_a_dead_server_of_mlflow_holds_nothing_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start_console()
    logger = mlflow_logger(facts(tmp_path), tracking_uri="http://127.0.0.1:9", timeout=1)
    for step in range(20):
        logger.log_metrics({"val/miou": 0.5}, step)
    close_loggers([logger], ok=True)
    (line,) = capsys.readouterr().out.splitlines()
    assert "MLflow: n" in line
    assert "metrics.csv holds the figures" in line


def test_a_tracker_that_fails_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    start_console()
    monkeypatch.setattr("wandb.init", Opened())
    shown: list[object] = []
    broken = wandb_logger(facts(tmp_path), mode="offline")
    whole = tensorboard_logger(facts(tmp_path))
    monkeypatch.setattr(broken, "show", mock.Mock(side_effect=OSError("disk full")))
    monkeypatch.setattr(whole, "show", lambda key, pictures, step: shown.append(key))
    tell([broken, object(), whole], lambda logger: logger.show("panels/val", [], 3))
    assert shown == ["panels/val"]
    assert "WandbRun: not everything is shown there (OSError: disk full)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("chosen", "on"),
    [("csv", set()), ("[]", set()), ("wandb", {"wandb"}), ("[csv,mlflow]", {"mlflow"}),
     ("[wandb,csv,tensorboard]", {"wandb", "tensorboard"})],
)  # fmt: skip
def test_loggers_in_any_combination(chosen: str, on: set[str]) -> None:
    assert set(composed(f"logger={chosen}").logger) == on


def test_epoch_table_goes_on_from_earlier_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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


def test_an_error_of_wandb_without_words_stops_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def raises(*_: Any) -> None:
        raise TimeoutError

    warned: list[str] = []
    monkeypatch.setattr(wandb_run, "_init", raises)
    monkeypatch.setattr(wandb_run.LOG, "warning", warned.append)
    assert wandb_run._online(Namespace(folder=tmp_path), {}) is None  # type: ignore[arg-type]
    assert "no run could be opened (TimeoutError)" in warned[0]


def test_a_new_run_of_wandb_waits_for_no_file_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its file is written from the moment that it is opened."""

    class Writing(Opened):
        def __call__(self, **settings: Any) -> Opened:
            place = tmp_path / "wandb" / "offline-run-20260101_235959-own"
            place.mkdir(parents=True)
            (place / "run-own.wandb").write_bytes(b"")
            return super().__call__(**settings)

    slept: list[float] = []
    monkeypatch.setattr("wandb.init", Writing())
    monkeypatch.setattr("segexp.training.loggers.wandb_history.time.sleep", slept.append)
    wandb_logger(facts(tmp_path), mode="offline")
    assert slept == []
