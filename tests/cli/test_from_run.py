"""from=<run folder>: the stored config, and all that a new word moves."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from segexp.cli.app import run
from segexp.cli.from_run import expand
from segexp.errors import ConfigError, SegexpError
from tests.config.reruns import Line, change, config_of, write

OWN_RATE = "_target_: torch.optim.lr_scheduler.OneCycleLR\nmax_lr: ${optimizer.lr}\n"
OWN = {
    "scheduler/mine.yaml": f"# Mine\n{OWN_RATE}total_steps: auto\ninterval: step\nmonitor: null\n",
    "model/narrow.yaml": "# Narrow\ndefaults:\n  - unet_little\n  - _self_\nbase: 4\n",
}
RUNS: dict[str, tuple[str, ...]] = {
    "experiment": ("experiment=drive_cunet", "datamodule.root=somewhere"),
    "experiment upon another": ("experiment=drive_shallow_segnet_tuned", "datamodule.root=a b", "optimizer.lr=0.02"),
    "lists": ("scheduler=plateau", "monitor=val/loss", "metric=[hd95]", "logger=[tensorboard,wandb]"),
    "colours": ("datamodule=folder", "datamodule.root='l=é'", "datamodule.mask_values={0: sky, 7: 'a b'}", "metric=[]"),
    "no key": ("~optimizer.betas", "optimizer._target_=torch.optim.RMSprop", "scheduler=none", "+optimizer.eps=0.1"),
    "callbacks, no name": ("callbacks.timer._target_=lightning.pytorch.callbacks.Timer", "panels=2"),
}  # fmt: skip


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    return Line(monkeypatch)


def own_options(folder: Path) -> Path:
    for name, text in OWN.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("words", RUNS.values(), ids=RUNS)
def test_without_new_words_it_is_the_stored_config(line: Line, words: tuple[str, ...], capsys: Any) -> None:
    run = line.stored(Path("run"), *words)
    config, invocation = line.one(f"from={run}")
    stored = config_of(run)
    assert {**config, "name": stored["name"]} == stored
    assert list(config) == list(stored)
    assert config["name"] in (None, stored["name"])
    # Words and options are those of the run: the new one can be told, and started from, in its turn.
    record = json.loads((run / "run.json").read_text())
    assert sorted(invocation.overrides) == sorted(w for w in record["overrides"] if not w.startswith("sweep"))
    assert invocation.choices == record["choices"]
    assert invocation.notes == ()
    assert capsys.readouterr().err == ""


def test_a_job_of_a_sweep_and_a_run_from_a_run_are_repeated(line: Line) -> None:
    jobs = line.jobs("-m", "model=unet_little", "optimizer.lr=0.01,0.02", "sweep.jobs=2")
    job = write(Path("job"), *jobs[1])
    assert line.config(f"from={job}")["optimizer"]["lr"] == 0.02
    second = write(Path("second"), *line.one(f"from={job}", "seed=3"))
    third, invocation = line.one(f"from={second / 'config.yaml'}", "optimizer.lr=0.5")
    ((expected, _),) = line.jobs("-m", "model=unet_little", "optimizer.lr=0.5", "seed=3", "sweep.jobs=2")
    assert third == expected
    assert invocation.overrides == ("model=unet_little", "seed=3", "optimizer.lr=0.5")


MOVES = {
    "the rate and its peak": ("optimizer.lr=0.05",),
    "all seeds, another optimiser": ("seed=1", "optimizer=sgd"),
}


@pytest.mark.parametrize("new", MOVES.values(), ids=MOVES)
@pytest.mark.parametrize("words", [RUNS["experiment"]], ids=["experiment"])
def test_new_words_do_what_they_do_in_the_command_of_the_run(
    line: Line, words: tuple[str, ...], new: tuple[str, ...]
) -> None:
    run = line.stored(Path("run"), *words)
    assert line.config(f"from={run}", *new) == line.config(*words, *new)


def test_derived_keys_move_in_every_job_of_a_sweep(line: Line) -> None:
    run = line.stored(Path("run"), "model=unet_little")
    jobs = [config for config, _ in line.jobs("-m", f"from={run}", "optimizer.lr=0.1,0.2", "seed=2")]
    found = [(j["optimizer"]["lr"], j["scheduler"]["max_lr"], j["datamodule"]["seed"]) for j in jobs]
    assert found == [(0.1, 0.1, 2), (0.2, 0.2, 2)]


def test_what_was_given_apart_stays_apart(line: Line) -> None:
    run = line.stored(Path("run"), "datamodule.seed=7", "scheduler.max_lr=0.1")
    config = line.config(f"from={run}", "seed=1")
    assert (config["seed"], config["datamodule"]["seed"]) == (1, 7)
    assert config["scheduler"]["max_lr"] == 0.1


def test_another_option_takes_the_place_of_a_block(line: Line, capsys: Any) -> None:
    run = line.stored(Path("run"), "model=unet_little", "model.base=4", "optimizer.lr=0.02")
    config, invocation = line.one(f"from={run}", "model=cunet", "metric=[asd]")
    assert config == line.config("model=cunet", "optimizer.lr=0.02", "metric=[asd]")
    assert invocation.overrides == ("optimizer.lr=0.02", "model=cunet", "metric=[asd]")
    assert invocation.choices["model"] == "cunet"
    assert "model= is chosen anew, without what the earlier run set of it: model.base=4" in capsys.readouterr().err
    again, _ = line.one(f"from={run}", "model=unet_little", "model.base=4")
    assert (again["model"]["base"], capsys.readouterr().err) == (4, "")
    # The name was made of the options, and is made of them again.
    assert config["name"] is None
    assert [c["model"]["base"] for c, _ in line.jobs("-m", f"from={run}", "model=unet,unet_little")] == [64, 8]


def test_an_experiment_is_laid_over_a_run(line: Line) -> None:
    run = line.stored(Path("run"), "optimizer.lr=0.5", "panels=2", "name=mine")
    config, invocation = line.one(f"from={run}", "experiment=salt_unet", "datamodule.root=salt")
    alone = line.config("experiment=salt_unet", "datamodule.root=salt")
    assert {**config, "panels": 6} == alone
    assert invocation.choices["experiment"] == "salt_unet"


def test_keys_are_added_and_taken_away(line: Line) -> None:
    run = line.stored(Path("run"), "optimizer=sgd", "scheduler=none")
    config = line.config(f"from={run}", "+optimizer.dampening=0.1", "~optimizer.nesterov")
    assert config["optimizer"]["dampening"] == 0.1
    assert "nesterov" not in config["optimizer"]


GUESSED = {
    "images": "images/*.png", "masks": "masks/{stem}.png", "mask_values": {0: "background", 255: "road"},
    "split": "holdout", "crop_size": 64, "crops_per_image": 4, "channels": "rgb",
}  # fmt: skip


def test_what_the_data_settled_is_kept_until_other_data_are_given(line: Line) -> None:
    words = ("datamodule=folder", "datamodule.root=roads", "datamodule.val_fraction=0.3")
    run = line.stored(Path("run"), *words, **GUESSED)
    config, invocation = line.one(f"from={run}", "seed=1")
    assert {key: config["datamodule"][key] for key in GUESSED} == GUESSED
    assert invocation.notes == ()
    other = line.config(f"from={run}", "datamodule.root=streets")
    assert other == line.config(*words, "datamodule.root=streets")
    # The number of crops was settled from their size.
    assert line.config(f"from={run}", "datamodule.crop_size=32")["datamodule"]["crops_per_image"] == "auto"
    # To go on is with the same data, wherever they lie now.
    moved = line.config(f"from={run}", "datamodule.root=streets", "resume=last.ckpt")
    assert moved["datamodule"]["mask_values"] == GUESSED["mask_values"]


def test_where_the_yaml_of_today_differs_the_stored_value_is_kept_and_named(line: Line, capsys: Any) -> None:
    run = line.stored(Path("run"), "model=unet_little", "seed=4")
    change(run, "optimizer.weight_decay", 0.5)
    change(run, "model.depth", 2)
    change(run, "scheduler.max_lr", 0.25)
    config, invocation = line.one(f"from={run}", "panels=1")
    assert {**config, "panels": 6, "name": config_of(run)["name"]} == config_of(run)
    (note,) = invocation.notes
    assert "scheduler.max_lr=0.25 (today 0.005), model.depth=2 (today 3), optimizer.weight_decay=0.5 (to" in note
    assert capsys.readouterr().err.count("kept as in run") == 1
    # As words the values outlive the folder; a new word wins.
    assert {"model.depth=2", "optimizer.weight_decay=0.5"} < set(invocation.overrides)
    config = line.config(f"from={run}", "optimizer.lr=0.3", "model.depth=1")
    assert (config["scheduler"]["max_lr"], config["model"]["depth"]) == (0.3, 1)


def test_keys_of_a_later_version_are_added_and_named(line: Line) -> None:
    run = line.stored(Path("run"), "val_panels=2")
    content = config_of(run)
    del content["val_panels"], content["trainer"]["num_nodes"], content["sweep"], content["model"]["norm"]
    (run / "config.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    config, invocation = line.one(f"from={run}")
    assert (config["trainer"]["num_nodes"], config["sweep"]["engine"]) == (1, "local")
    assert "norm" not in config["model"]
    assert any("keys that run did not have" in note and "val_panels=2" in note for note in invocation.notes)
    assert line.config(f"from={run}", "model.norm=batch")["model"]["norm"] == "batch"


def test_own_options_are_found_again_or_kept_as_they_were(line: Line, capsys: Any) -> None:
    own = own_options(Path("my conf"))
    run = line.stored(Path("run"), "model=narrow", "--config-dir", str(own), "scheduler=mine", "optimizer.lr=0.003")
    config, invocation = line.one("seed=1", f"from={run}", "--config-dir", str(own), "optimizer.lr=0.1")
    assert (config["scheduler"]["max_lr"], config["model"]["base"]) == (0.1, 4)
    assert invocation.choices["model"] == "narrow"
    assert capsys.readouterr().err == ""
    config, invocation = line.one(f"from={run}", "model.depth=2")
    assert (config["scheduler"]["max_lr"], config["model"]["base"]) == (0.003, 4)
    assert config["model"]["depth"] == 2
    assert invocation.choices["model"] == "narrow"
    assert "scheduler=mine, model=narrow: no such option here" in invocation.notes[0]


def test_a_word_that_would_leave_its_own_behind_is_refused(line: Line, capsys: Any) -> None:
    own = own_options(Path("conf"))
    text = OWN["scheduler/mine.yaml"].replace("max_lr", "base_lr").replace("OneCycleLR", "CyclicLR")
    (own / "scheduler" / "mine.yaml").write_text(text.replace("total_steps: auto\n", "max_lr: 1.0\n"))
    run = line.stored(Path("run"), "--config-dir", "conf", "scheduler=mine", "optimizer.lr=0.003")
    assert run_code(f"from={run}", "optimizer.lr=0.1") == 2
    told = capsys.readouterr().err
    assert told.startswith("segexp: optimizer.lr: scheduler.base_lr of run has the same value 0.003, and nothing")
    assert "scheduler=mine" in told
    assert told.count("\n") == 1
    both = line.config(f"from={run}", "optimizer.lr=0.1", "scheduler.base_lr=0.1")
    assert both["scheduler"]["base_lr"] == 0.1
    assert line.config(f"from={run}", "--config-dir=conf", "optimizer.lr=0.1")["scheduler"]["base_lr"] == 0.1


def run_code(*words: str) -> int:
    return run([*words])


def test_a_folder_with_a_config_alone_is_taken_as_it_is(line: Line, capsys: Any) -> None:
    run = line.stored(Path("run"), "model=unet_little", "model.base=4")
    (run / "run.json").unlink()
    config, invocation = line.one(f"from={run}", "optimizer.lr=0.05", "seed=2")
    assert config["model"] == config_of(run)["model"]
    assert (config["scheduler"]["max_lr"], config["datamodule"]["seed"]) == (0.05, 2)
    assert config["name"] == "synthetic_unet_little_bce_jaccard"
    assert "model" not in invocation.choices
    assert capsys.readouterr().err == ""


def test_tags_given_now_reach_the_logger_of_a_run_from_before_they_were_a_key(line: Line) -> None:
    run = line.stored(Path("run"), "logger=wandb")
    content = config_of(run)
    del content["tags"]
    (run / "config.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    (run / "run.json").unlink()
    assert line.config(f"from={run}", "tags=[x]")["logger"]["wandb"]["tags"] == ["x"]


def test_words_of_a_record_read_no_environment(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "xyzzy")
    run = line.stored(Path("run"), "model=unet_little")
    record = json.loads((run / "run.json").read_text())
    record["overrides"] += ["name=${oc.env:SECRET}", "hydra.job.name=x", "hydra.searchpath=[pkg://os]"]
    (run / "run.json").write_text(json.dumps(record))
    config, invocation = line.one(f"from={run}", "seed=1")
    assert "xyzzy" not in json.dumps(config)
    assert invocation.overrides == ("model=unet_little", "seed=1")


def test_the_sweep_of_a_run_is_not_that_of_a_new_one(line: Line) -> None:
    (stored,) = line.jobs("-m", "sweep.engine=slurm", "sweep.jobs=4", "sweep.slurm.setup=['touch x']")
    run = write(Path("run"), *stored)
    assert line.config(f"from={run}")["sweep"] == config_of(run)["sweep"]
    (job,) = line.jobs("-m", f"from={run}", "seed=1")
    assert (job[0]["sweep"]["engine"], job[0]["sweep"]["slurm"]["setup"]) == ("local", [])


@pytest.mark.parametrize("command", ["evaluate", "predict", "export", "models", "generate"])
def test_commands_that_train_nothing_take_no_from(command: str, capsys: Any) -> None:
    assert run([command, "from=run"]) == 2
    assert capsys.readouterr().err.startswith("segexp: from=run: is for train, check, preview and lr_find")


def test_other_arguments_pass_unchanged() -> None:
    assert expand(["seed=1", "-m"]) == ["seed=1", "-m"]


def test_folder_without_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no file .*config\.yaml"):
        expand([f"from={tmp_path}"])
    with pytest.raises(ConfigError, match="one run folder"):
        expand(["from=a", "from=b"])
    (tmp_path / "config.yaml").write_text("- a\n")
    with pytest.raises(ConfigError, match="is no config of a run"):
        expand([f"from={tmp_path}"])


@pytest.mark.parametrize(
    ("group", "value"), [("logger", float("inf")), ("model", "cunet"), ("callbacks", 7), ("loss", ["bce"])]
)
def test_a_stored_group_that_is_no_block_is_refused(line: Line, group: str, value: Any) -> None:
    run = line.stored(Path("run"))
    config = yaml.safe_load((run / "config.yaml").read_text())
    (run / "config.yaml").write_text(yaml.safe_dump({**config, group: value}))
    with pytest.raises(SegexpError, match=rf"config\.yaml: {group}.*expected") as refused:
        expand([f"from={run}"])
    assert str(refused.value).count("\n") == 0


def test_a_note_on_a_stored_text_of_two_lines_is_one_line(line: Line, capsys: Any) -> None:
    stored = line.stored(Path("run"))
    change(stored, "baselines", "a\nb")
    capsys.readouterr()
    assert run(["check", f"from={stored}", "scope=config"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert all(each.startswith("segexp: ") for each in said)
    assert any(r"baselines=a\nb (today True)" in each for each in said)
