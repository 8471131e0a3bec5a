"""Loggers of Lightning and of a user's own by ``_target_``: every row of docs/lightning.md, and what each is told."""

import csv
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightning.pytorch.loggers import Logger
from mlflow import MlflowClient
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from segexp.cli.app import run as run_line
from segexp.errors import ConfigError, MissingExtraError
from segexp.runs.console import start_console
from segexp.training import training_run as training
from segexp.training.loggers import run_ids, wandb_run
from segexp.training.loggers.build import check_loggers, wandb_logger
from tests.lightning_page import merged, rows
from tests.training import wandb_file
from tests.training.loggers import stub_services
from tests.training.loggers.test_build import Opened, facts
from tests.training.runs import TINY, Done, composed, folders, go, read_json
from tests.training.runs import run as run_tiny

ROWS = rows("Loggers")
QUICK = ("metric=[]", "bootstrap=0", "baselines=false", "panels=2", "val_panels=2", "panel_epochs=[1]")
HERE = {
    "my_parts.neptune_logger": "tests.training.loggers.own_loggers",
    "my_parts.remember": "tests.training.loggers.own_loggers",
}
OTHERS = ("CSVLogger", "CometLogger", "Neptune", "of your own")


def words(row: str) -> list[str]:
    (found,) = (line for left, line in ROWS.items() if row in left)
    for there, here in HERE.items():
        found = [word.replace(there, here) for word in found]
    return found


def stubbed(patch: pytest.MonkeyPatch) -> None:
    for name, module in {**stub_services.comet(), **stub_services.neptune()}.items():
        patch.setitem(sys.modules, name, module)
    patch.setattr("lightning.pytorch.loggers.comet._COMET_AVAILABLE", True)


Together = tuple[Done, Mapping[str, Any]]


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Together:
    """One training with all loggers that know nothing of segexp, and these loggers; one of them raises."""
    seen: dict[str, Logger] = {}
    more = ["logger.writer._target_=lightning.pytorch.loggers.TensorBoardLogger", "logger.writer.name=writer",
            "logger.broken._target_=tests.training.loggers.own_loggers.Broken"]  # fmt: skip
    lines = [*(words(row) for row in OTHERS), more]
    real = training.build_loggers

    def building(section: Mapping[str, Any], run: Any) -> list[Logger]:
        built = real(section, run)
        seen.update(zip(section, built, strict=True))
        return built

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("together"))
        stubbed(patch)
        patch.setattr(training, "build_loggers", building)
        return run_tiny(composed(*QUICK, *merged(lines, "logger")), pictures=True), seen


def test_the_page_has_six_loggers_and_one_of_ones_own() -> None:
    assert len(ROWS) == 7
    for row in ROWS:
        assert composed(*words(row)).logger


def test_each_is_told_the_figures_of_epochs_and_test_and_the_config(together: Together) -> None:
    done, loggers = together
    comet = loggers["comet"].experiment
    for logged in (loggers["mine"].figures, [(step, figures) for figures, step in comet.logged]):
        values = [figures["val/miou"] for _, figures in logged if "val/miou" in figures]
        assert values == pytest.approx([float(row["val/miou"]) for row in done.rows], rel=1e-6)
        (tested,) = [figures["test/miou"] for _, figures in logged if "test/miou" in figures]
        assert tested == pytest.approx(done.content["rows"][0]["dataset"]["miou"])
    assert loggers["mine"].params["optimizer"] == comet.parameters["optimizer"] == done.config["optimizer"]
    assert loggers["mine"].status[-1] == "success"
    assert comet.ended
    assert loggers["neptune"].experiment.stopped


def test_files_lie_in_the_run_folder(together: Together) -> None:
    done, loggers = together
    (place,) = (done.path / "logs" / "table").iterdir()
    with (place / "metrics.csv").open(newline="", encoding="utf-8") as stream:
        values = [float(row["val/miou"]) for row in csv.DictReader(stream) if row["val/miou"]]
    assert values == pytest.approx([float(row["val/miou"]) for row in done.rows], rel=1e-6)
    assert yaml.safe_load((place / "hparams.yaml").read_text())["optimizer"] == done.config["optimizer"]
    assert Path(loggers["mine"].place).parts[-2:] == (done.path.name, "mine")
    assert sorted(path.name for path in Path(done.path).parents[2].iterdir()) == ["outputs"]


def test_pictures_go_by_the_interface_that_a_logger_has(together: Together) -> None:
    done, loggers = together
    names = [f"panels/val/{path.stem[11:]}" for path in sorted((done.path / "panels" / "val").iterdir())]
    assert len(names) == 2
    comet = loggers["comet"].experiment.pictures
    assert sorted(name for name, _, _ in comet if name.startswith("panels/val/")) == names
    assert {step for name, step, _ in comet if name.startswith("panels/val/")} == {4}
    assert len([name for name, _, _ in comet if name.startswith("panels/test/")]) == 2
    neptune = loggers["neptune"].experiment.series
    assert sorted(key for key in neptune if key.startswith("panels/val/")) == names
    assert {len(values) for values in neptune.values()} == {1}
    (place,) = (done.path / "writer").iterdir()
    events = EventAccumulator(str(place), size_guidance={"images": 0})
    events.Reload()
    assert len([tag for tag in events.Tags()["images"] if tag.startswith("panels/")]) == 4


def test_one_that_raises_ends_nothing(together: Together) -> None:
    done, _ = together
    assert done.record["state"] == "finished"
    (line,) = [
        line for line in (done.path / "log.txt").read_text().splitlines() if "Broken: not everything is logged" in line
    ]
    assert "disk full" in line


WRONG = {
    "logger.my._target_=lightning.pytorch.loggers.NeptuneLogger": "lightning.pytorch.loggers has no 'NeptuneLogger'",
    "logger.my._target_=lightning.pytorch.loggers.CSVLogger logger.my.flush=1": "logger.my.flush: no such key",
    "logger.my._target_=torch.nn.Identity": "logger.my._target_: found torch.nn.Identity, expected a lightning.pytorch",
    "logger.my._target_=lightning.pytorch.loggers.CometLogger": "logger.my: CometLogger needs the package comet_ml",
    "logger.my.project=x": "logger.my: no _target_, the class to build; add logger.my._target_=<package.module.Class>",
    "logger.wandbb.project=x": "did you mean 'logger.wandb'?",
}


@pytest.mark.parametrize("line", WRONG)
def test_refused_before_there_is_a_folder(line: str) -> None:
    with pytest.raises((ConfigError, MissingExtraError)) as refused:
        go(*line.split())
    assert WRONG[line] in str(refused.value)
    assert not Path("outputs").exists()


@pytest.mark.parametrize(
    ("variable", "argument", "value"),
    [("WANDB_PROJECT", "project", "mine"), ("WANDB_ENTITY", "entity", "team"), ("WANDB_NAME", "name", "first"),
     ("WANDB_RUN_GROUP", "group", "g"), ("WANDB_TAGS", "tags", "a,b"), ("WANDB_NOTES", "notes", "n"),
     ("WANDB_JOB_TYPE", "job_type", "fit"), ("WANDB_RUN_ID", "id", "abc"), ("WANDB_DIR", "dir", "/there")],
)  # fmt: skip
def test_a_variable_of_wandb_counts_where_no_key_says_otherwise(
    variable: str, argument: str, value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened = Opened()
    monkeypatch.setattr("wandb.init", opened)
    monkeypatch.setenv(variable, value)
    wandb_logger(facts(tmp_path), mode="offline")
    assert argument not in opened.asked[0]  # wandb.init reads the variable
    if argument not in ("dir", "tags"):
        wandb_logger(facts(tmp_path), mode="offline", **{argument: "other"})
        assert opened.asked[1][argument] == "other"


def test_keys_of_wandb_reach_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened = Opened()
    monkeypatch.setattr("wandb.init", opened)
    given = {"id": "abc", "notes": "n", "job_type": "fit", "name": "first", "group": "g", "tags": ["a"], "project": "p"}
    wandb_logger(facts(tmp_path), mode="offline", **given)  # type: ignore[arg-type]
    assert opened.asked[0].items() >= {**given, "resume": "allow"}.items()


def test_a_run_that_goes_on_is_the_same_run_of_wandb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened = Opened()
    monkeypatch.setattr("wandb.init", opened)
    run_ids.keep_id(tmp_path / "earlier", "wandb", "abc123")
    wandb_logger(facts(tmp_path / "now", goes_on_from=tmp_path / "earlier"), mode="offline")
    assert (opened.asked[0]["id"], opened.asked[0]["resume"]) == ("abc123", "allow")


@pytest.mark.parametrize("text", ['{"wandb": "../x"}', '{"wandb": 3}', "[]", "{", '{"wandb": "' + "x" * 20_000 + '"}'])
def test_a_file_of_somebody_else_gives_no_number(text: str, tmp_path: Path) -> None:
    (tmp_path / run_ids.FILE).write_text(text)
    assert run_ids.stored_id(tmp_path, "wandb") is None


def test_disabled_by_its_key_wandb_writes_nothing() -> None:
    check_loggers({"wandb": {"_target_": "segexp.training.loggers.build.wandb_logger", "mode": "disabled"}})
    done = go(
        *QUICK, "logger=wandb", "logger.wandb.mode=disabled", "panel_epochs=0", "panels=0", "trainer.max_epochs=1"
    )
    assert not (done.path / "wandb").exists()
    assert not (done.path / run_ids.FILE).exists()


@pytest.mark.slow
def test_a_resumed_run_is_one_run_of_wandb_and_mlflow(capsys: pytest.CaptureFixture[str]) -> None:
    """With an artifact of the best weights and histograms of the gradients, read back from the files."""
    start_console()
    keys = ("logger.wandb.log_model=true", "logger.wandb.watch=gradients", "logger.wandb.watch_steps=1")
    first = go(*QUICK, "logger=[wandb,mlflow]", *keys, "scheduler=none")
    again = go(*QUICK, "logger=[wandb,mlflow]", f"resume={first.path}", "trainer.max_epochs=3", "scheduler=none")
    numbers = [read_json(done.path / run_ids.FILE) for done in (first, again)]
    assert numbers[0] == numbers[1]
    assert set(numbers[0]) == {"wandb", "mlflow"}
    parts = [wandb_file.read(next((done.path / "wandb").glob("offline-run-*"))) for done in (first, again)]
    assert {part.run.run_id for part in parts} == {numbers[0]["wandb"]}
    assert any(key.startswith("gradients/") for row in parts[0].history for key in row)
    (path,) = (first.path / "wandb").glob("offline-run-*/*.wandb")
    requests = [record.request for record in wandb_file.records(path) if record.HasField("request")]
    artifacts = [request.log_artifact.artifact for request in requests if request.HasField("log_artifact")]
    artifacts += [record.artifact for record in wandb_file.records(path) if record.HasField("artifact")]
    models = [artifact for artifact in artifacts if artifact.type == "model"]
    assert len(models) == 1
    assert "best" in models[0].aliases
    client: Any = MlflowClient(tracking_uri=f"sqlite:///{Path('outputs').resolve()}/mlflow.db")
    (run,) = client.search_runs([client.get_experiment_by_name("segexp").experiment_id])
    assert (run.info.run_id, run.info.status) == (numbers[0]["mlflow"], "FINISHED")
    history = client.get_metric_history(run.info.run_id, "val/miou")
    expected = [*first.rows, again.rows[-1]]
    assert [point.value for point in history] == pytest.approx([float(row["val/miou"]) for row in expected], rel=1e-6)
    assert "MLflow" not in capsys.readouterr().out


KINDS = {
    "reconstruction": ("experiment=mnist_cae", "model.base=4"),
    "classification": ("task=classification", "datamodule=allidb", "datamodule.image_size=32", "model.base=2",
                       "augment=none", "datamodule.loader.batch_size=8"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_logger_has_the_pictures_of_every_kind_of_task(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Counted in the files of each."""
    given = ("datamodule.generate=true", "trainer.max_epochs=2", "trainer.accelerator=cpu", "bootstrap=0",
             "trainer.progress=none", "datamodule.loader.num_workers=0", "panels=3", "panel_epochs=[0,1]",
             "val_panels=2")  # fmt: skip
    assert run_line([*KINDS[kind], *given, "logger=[tensorboard,wandb,mlflow]"]) == 0, capsys.readouterr().err
    (folder,) = folders()
    tested = len(read_json(folder / "results.json")["panels"]) + (4 if kind == "reconstruction" else 0)
    assert len(list((folder / "panels" / "val").glob("*.png"))) == 4
    (place,) = (folder / "tensorboard").iterdir()
    events = EventAccumulator(str(place), size_guidance={"images": 0})
    events.Reload()
    counts = {tag: len(events.Images(tag)) for tag in events.Tags()["images"]}
    assert sum(count for tag, count in counts.items() if tag.startswith("panels/val/")) == 4
    assert sum(count for tag, count in counts.items() if tag.startswith("panels/test/")) == tested
    (place,) = (folder / "wandb").glob("offline-run-*")
    logged = wandb_file.read(place).history
    assert [row["panels/val"]["count"] for row in logged if "panels/val" in row] == [2, 2]
    assert [row["panels/test"]["count"] for row in logged if "panels/test" in row] == [tested]
    artifacts = Path("outputs/mlartifacts")
    assert len(list(artifacts.rglob("images/*panels*val*.png"))) == 4
    assert len(list(artifacts.rglob("panels/test/*.png"))) == tested


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_every_row_trains_by_itself(
    row: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stubbed(monkeypatch)
    monkeypatch.setattr(wandb_run, "MODE_OF_USER", "offline")
    assert run_line([*TINY, *QUICK, *words(row)]) == 0, capsys.readouterr().err
    assert (folders()[0] / "results.json").is_file()
