"""A run folder, a checkpoint or an export of somebody else is data: nothing in it runs, whatever key it stands in."""

import os
import pickle
import resource
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from segexp import load
from segexp.cli.app import run
from segexp.errors import StoredError, UserError
from segexp.training.resuming.checkpoint import earlier_rows
from tests.inference.conftest import Finished

Config = dict[str, Any]


class Boom:
    """What a pickle runs that is loaded."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch canary",)


def spawn() -> Config:
    return {"_target_": "setuptools._distutils.spawn.spawn", "cmd": ["touch", "canary"]}


def pickled() -> Config:
    Path("evil.npy").write_bytes(pickle.dumps(Boom()))
    return {"_target_": "numpy.load", "file": "evil.npy", "allow_pickle": True}


def written() -> Config:
    return {"_target_": "pathlib.Path.write_text", "_args_": [{"_target_": "pathlib.Path", "_args_": ["canary"]}, "x"]}


def hub() -> Config:
    Path("hubconf.py").write_text("import os\nos.system('touch canary')\ndef net(**keys): pass\n")
    return {"_target_": "torch.hub.load", "repo_or_dir": ".", "model": "net", "source": "local"}


def evaluated() -> Config:
    return {"_target_": "builtins.eval", "_args_": ["open('canary', 'w')"]}


def system() -> Config:
    return {"_target_": "os.system", "_args_": ["touch canary"]}


TARGETS = (spawn, pickled, written, hub, evaluated, system)

PLACES: Mapping[str, Callable[[Config, Config], Any]] = {
    "model": lambda config, evil: config.update(model=evil),
    "model.base": lambda config, evil: config["model"].update(base=evil),
    "model._args_": lambda config, evil: config["model"].update(_args_=[evil]),
    "loss": lambda config, evil: config.update(loss=evil),
    "loss.terms": lambda config, evil: config["loss"]["terms"].update(bce=evil),
    "loss.weights": lambda config, evil: config["loss"].update(weights=evil),
    "optimizer": lambda config, evil: config.update(optimizer={**evil, "_partial_": True}),
    "optimizer.lr": lambda config, evil: config["optimizer"].update(lr=evil),
    "scheduler": lambda config, evil: config.update(scheduler=evil),
    "scheduler.max_lr": lambda config, evil: config["scheduler"].update(max_lr=evil),
    "scheduler.step_size": lambda config, evil: config.update(scheduler={"target": {"step_size": evil}}),
    "callbacks.my": lambda config, evil: config.update(callbacks={"my": evil}),
    "callbacks.": lambda config, evil: config.update(callbacks={"extra": [evil]}),
    "callbacks.early_stopping": lambda config, evil: config.update(callbacks={"early_stopping": evil}),
    "metric": lambda config, evil: config.update(metric={"hd95": evil}),
    "datamodule": lambda config, evil: config.update(datamodule=evil),
    "datamodule.size": lambda config, evil: config["datamodule"].update(size=evil),
    "datamodule.loader": lambda config, evil: config["datamodule"].update(loader={"batch_size": evil}),
    "augment": lambda config, evil: config.update(augment=evil),
    "augment.transforms": lambda config, evil: config["augment"].update(transforms=[evil]),
    "logger": lambda config, evil: config.update(logger={"wandb": evil}),
    "trainer": lambda config, evil: config["trainer"].update(max_epochs=evil),
    "speed": lambda config, evil: config.update(speed=evil),
    "inference": lambda config, evil: config["inference"].update(window=evil),
    "tta": lambda config, evil: config.update(tta=evil),
    "new": lambda config, evil: config.update(new={"deep": [[evil]]}),
}
"""Where an object, or none at all, is taken; the key names the place in the message."""


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEGEXP_TRUST", raising=False)


def foreign(finished: Finished, change: Callable[[Config], Any]) -> Path:
    """A copy of a run whose config, in all its files, was changed by hand."""
    folder = Path("foreign") / "run"
    shutil.copytree(finished.path, folder)
    for path in (folder / "checkpoints").glob("*.ckpt"):
        content = torch.load(path, weights_only=True)
        change(content["segexp"]["config"])
        torch.save(content, path)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    change(config)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def assert_refused(capsys: pytest.CaptureFixture[str], file: Path, *words: str) -> None:
    """One line with file, key and target; nothing ran, nothing was made."""
    said = "\n".join(line for line in capsys.readouterr().err.splitlines() if "segexp: note: " not in line)
    assert len(said.splitlines()) == 1, said
    for word in (str(file), *words):
        assert word in said
    assert not Path("canary").exists()
    assert not Path("outputs").exists()


@pytest.mark.parametrize("place", PLACES)
def test_no_key_of_a_checkpoint_runs_code(place: str, finished: Finished) -> None:
    checkpoint = Path("best.ckpt")
    for target in TARGETS:
        evil = target()
        content = torch.load(finished.path / "checkpoints" / "best.ckpt", weights_only=True)
        PLACES[place](content["segexp"]["config"], evil)
        torch.save(content, checkpoint)
        with pytest.raises(UserError) as caught:
            load(checkpoint)
        said = str(caught.value)
        assert "\n" not in said
        assert said.startswith(f"best.ckpt: {place}")
        assert evil["_target_"] in said
        assert "trust=" in said
        assert not Path("canary").exists()


def test_weights_without_pickles_run_none_either(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    """The config of a .safetensors lies in its header."""
    pytest.importorskip("safetensors")
    import json

    from safetensors.torch import save_file

    content = torch.load(finished.path / "checkpoints" / "best.ckpt", weights_only=True)
    kept = content["segexp"]
    kept["config"]["model"]["base"] = spawn()
    weights = {key.removeprefix("model."): value for key, value in content["state_dict"].items()}
    save_file(weights, "weights.safetensors", metadata={"record": json.dumps(kept)})
    assert run(["predict", "run=weights.safetensors", f"input={finished.path}/panels", "output=out"]) == 2
    assert_refused(capsys, Path("weights.safetensors"), "model.base._target_", "spawn.spawn", "trust=")


COMMANDS = {
    "predict": ["predict", "input=.", "output=out"],
    "localize": ["localize", "input=.", "output=out"],
    "evaluate": ["evaluate"],
    "export": ["export", "images=0"],
    "demo": ["demo", "open=false", "port=0"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_that_uses_a_run(
    command: str, finished: Finished, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The model of a demo is loaded before its page, which needs gradio.
    monkeypatch.setattr("segexp.inference.demo.command.check_gradio", lambda: None)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    folder = foreign(finished, lambda config: config["model"].update(base=spawn()))
    assert run([*COMMANDS[command], f"run={folder}"]) == 2
    assert_refused(capsys, folder / "checkpoints" / "best.ckpt", "model.base._target_", "spawn.spawn", "trust=")
    assert not Path("out").exists()


@pytest.mark.parametrize("words", [["check", "scope=config"], ["check"], ["preview"], [], ["-m", "seed=1,2"]])
def test_no_command_that_starts_from_a_run(
    words: list[str], finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = foreign(finished, lambda config: config.update(callbacks={"my": spawn()}))
    assert run([*words, f"from={folder}"]) == 2
    assert_refused(capsys, folder / "config.yaml", "callbacks.my._target_", "spawn.spawn", "trust=")


def test_resume_names_what_it_would_not_run(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    folder = foreign(finished, lambda config: config["model"].update(base=spawn()))
    assert run([f"from={finished.path}", f"resume={folder}", f"output_dir={Path.cwd() / 'outputs'}"]) == 2
    assert_refused(capsys, folder / "checkpoints" / "last.ckpt", "model.base._target_", "spawn.spawn")


def test_hydra_and_the_environment_are_not_for_files(
    finished: Finished, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    changes: dict[str, Callable[[Config], Any]] = {
        "hydra": lambda config: config.update(hydra={"callbacks": {"evil": system()}}),
        "defaults": lambda config: config.update(defaults=[{"override /hydra/launcher": "joblib"}]),
        "name": lambda config: config.update(name="${oc.env:SECRET}"),
        "monitor": lambda config: config.update(monitor="a ${oc.decode:${oc.env:SECRET}}"),
        "datamodule.root": lambda config: config["datamodule"].update(root="${hydra:runtime.cwd}"),
    }
    for key, change in changes.items():
        folder = foreign(finished, change)
        for words in (["check", "scope=config", f"from={folder}"], ["predict", f"run={folder}", "input=.", "output=o"]):
            assert run(words) == 2
            said = capsys.readouterr()
            assert f"{key}: " in said.err
            assert str(folder) in said.err
            assert "hunter2" not in said.out + said.err
        shutil.rmtree(folder)
    assert not Path("canary").exists()


def test_a_comment_that_hydra_reads(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    """``# @package`` in the first line would make the whole file a part of Hydra's own config."""
    folder = foreign(finished, lambda config: None)
    text = "# @package hydra.callbacks\n" + yaml.safe_dump({"evil": system()})
    (folder / "config.yaml").write_text(text)
    assert run(["check", "scope=config", f"from={folder}"]) == 2
    assert_refused(capsys, folder / "config.yaml", "evil._target_", "os.system")


def test_bombs_of_yaml(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    """A few hundred bytes that stand for billions of values, and blocks in blocks without end."""
    folder = foreign(finished, lambda config: None)
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    for text in (bomb, "a: &a {b: *a}\n"):
        (folder / "config.yaml").write_text(text)
        assert run(["check", "scope=config", f"from={folder}"]) == 2
        assert_refused(capsys, folder / "config.yaml", "is no config")


OWN = """
from torch import nn

class Net(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, width: int = 2):
        super().__init__()
        self.first = nn.Conv2d(in_channels, width, 3, padding=1)
        self.last = nn.Conv2d(width, out_channels, 1)

    def forward(self, image):
        return self.last(self.first(image))

def make(in_channels: int, out_channels: int):
    return Net(in_channels, out_channels)
"""


@pytest.fixture
def own_package(monkeypatch: pytest.MonkeyPatch) -> None:
    package = Path("lib") / "my_own_package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "nets.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(Path("lib").resolve()))


def with_own_model(finished: Finished, target: str = "my_own_package.nets.Net") -> Path:
    """A checkpoint of a model in a package of the user's own."""
    content = torch.load(finished.path / "checkpoints" / "best.ckpt", weights_only=True)
    content["segexp"]["config"]["model"] = {"_target_": target, "width": 3}
    channels, logits = content["segexp"]["spec"]["in_channels"], 1
    weights = {
        "model.first.weight": torch.zeros(3, channels, 3, 3), "model.first.bias": torch.zeros(3),
        "model.last.weight": torch.zeros(logits, 3, 1, 1), "model.last.bias": torch.full((logits,), 9.0),
    }  # fmt: skip
    torch.save({**content, "state_dict": weights}, "own.ckpt")
    return Path("own.ckpt")


@pytest.mark.usefixtures("own_package")
def test_a_package_of_ones_own_is_trusted_by_name(
    finished: Finished, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = with_own_model(finished)
    with pytest.raises(StoredError, match=r"own\.ckpt: model\._target_: 'my_own_package\.nets\.Net'") as caught:
        load(path)
    assert "'trust=[my_own_package]'" in str(caught.value)
    image = np.zeros((8, 8, 3), np.uint8)
    assert load(path, trust=["my_own_package"]).predict(image).all()
    np.save("image.npy", image)
    Path("in").mkdir()
    from PIL import Image

    Image.fromarray(image).save("in/a.png")
    asked = ["predict", f"run={path}", "input=in", "output=out"]
    assert run(asked) == 2
    assert "trust=[my_own_package]" in capsys.readouterr().err
    assert run([*asked, "trust=[my_own_package]"]) == 0
    assert os.environ.get("SEGEXP_TRUST") is None
    monkeypatch.setenv("SEGEXP_TRUST", "other, my_own_package")
    assert load(path).predict(image).all()


@pytest.mark.usefixtures("own_package")
def test_trust_is_for_classes_in_their_role(finished: Finished) -> None:
    """A trusted package may hand on any function of the library that it imports."""
    for target in ("my_own_package.nets.make", "my_own_package.nets.nn.init.zeros_", "my_own_package.nets.Net.forward"):
        with pytest.raises(StoredError, match=r"expected a class below torch\.nn\.Module"):
            load(with_own_model(finished, target), trust=["my_own_package"])


def test_a_loss_of_ones_own_is_not_needed_to_predict(finished: Finished) -> None:
    """It is never imported, so its package need be neither trusted nor there."""
    content = torch.load(finished.path / "checkpoints" / "best.ckpt", weights_only=True)
    content["segexp"]["config"]["loss"] = {"_target_": "package_of_elsewhere.Loss"}
    torch.save(content, "best.ckpt")
    assert load("best.ckpt").classes == load(finished.path).classes


def test_published_weights_of_a_stored_config_are_neither_read_nor_refused(finished: Finished) -> None:
    content = torch.load(finished.path / "checkpoints" / "best.ckpt", weights_only=True)
    content["segexp"]["config"]["model"]["pretrained"] = "/nowhere/vgg16.pth"
    torch.save(content, "best.ckpt")
    with pytest.raises(UserError, match="pretrained"):  # this model has no such key
        load("best.ckpt")
    content["segexp"]["config"]["model"] = {"_target_": "segexp.models.unet.UNet", "init": "/etc/passwd"}
    torch.save(content, "best.ckpt")
    with pytest.raises(StoredError, match=r"model\.init: found '/etc/passwd', a path out of its folder"):
        load("best.ckpt")


def test_a_name_that_leaves_the_run_writes_no_export(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    folder = foreign(finished, lambda config: config.update(name="../../../victim"))
    assert run(["export", f"run={folder}", "images=0", "rounds=0", "format=torchscript"]) == 2
    assert_refused(capsys, folder / "checkpoints" / "best.ckpt", "name: found '../../../victim'")
    assert not list(Path().rglob("victim*"))


def test_a_link_in_place_of_the_folder_of_exports(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    folder = foreign(finished, lambda config: None)
    Path("victim").mkdir()
    shutil.rmtree(folder / "exports", ignore_errors=True)  # of another test of the same run
    (folder / "exports").symlink_to(Path("victim").resolve())
    assert run(["export", f"run={folder}", "images=0", "rounds=0", "format=torchscript"]) == 2
    assert_refused(capsys, folder, "'exports'", "a link out of")
    assert list(Path("victim").iterdir()) == []


def test_a_link_in_place_of_a_file_that_an_export_begins_with(finished: Finished) -> None:
    """Its name is known beforehand, and what is written through it would be another file."""
    folder = foreign(finished, lambda config: config.update(name="victim"))
    Path("victim.txt").write_text("precious")
    shutil.rmtree(folder / "exports", ignore_errors=True)
    (folder / "exports").mkdir()
    (folder / "exports" / "part_victim.torchscript").symlink_to(Path("victim.txt").resolve())
    assert run(["export", f"run={folder}", "images=0", "rounds=0", "format=torchscript"]) == 0
    assert Path("victim.txt").read_text() == "precious"


@pytest.mark.parametrize("command", ["export", "evaluate"])
def test_a_link_in_place_of_a_folder_below_the_one_that_is_written_to(
    command: str, finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = foreign(finished, lambda config: config.update(name="a/b"))
    Path("victim").mkdir()
    above, below = {"export": ("exports", "a"), "evaluate": ("evaluations", "synthetic_test")}[command]
    shutil.rmtree(folder / above, ignore_errors=True)
    (folder / above).mkdir()
    (folder / above / below).symlink_to(Path("victim").resolve())
    more = ["images=0", "rounds=0", "format=torchscript"] if command == "export" else ["bootstrap=0", "panels=0"]
    assert run([command, f"run={folder}", *more]) == 2
    assert "a link out of" in capsys.readouterr().err
    assert list(Path("victim").iterdir()) == []


def spoilt(finished: Finished, change: Callable[[dict[str, Any]], Any]) -> Path:
    """The checkpoint of a run with something else in it."""
    content = torch.load(finished.path / "checkpoints" / "best.ckpt", weights_only=True)
    change(content)
    torch.save(content, "best.ckpt")
    return Path("best.ckpt")


SPOILT: Mapping[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "reference": (lambda c: c["segexp"]["config"].update(a="${tta}"), r"a: found '\$\{tta\}', a reference"),
    "larger model": (lambda c: c["segexp"]["config"]["model"].update(base=4096), "its weights do not fit"),
    "weights that are none": (lambda c: c.update(state_dict=[1]), "its weights are a list"),
    "a weight that is none": (lambda c: c["state_dict"].update({"model.x": 1}), "its weight x is a int"),
    "weights without values": (
        lambda c: c["state_dict"].update({"model.x": torch.zeros(1).expand(10**6, 10**6)}),
        r"says it is \(1000000, 1000000\), more than the file holds",
    ),
    "threshold": (lambda c: c["segexp"].update(threshold_logit="x"), "is no checkpoint of segexp"),
    "speed": (lambda c: c["segexp"]["config"].pop("speed"), "is no checkpoint of segexp"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_a_checkpoint_says_is_held_against_what_it_holds(name: str, finished: Finished) -> None:
    change, said = SPOILT[name]
    with pytest.raises(UserError, match=said) as caught:
        load(spoilt(finished, change))
    assert "\n" not in str(caught.value)


def test_a_model_that_does_not_fit_takes_no_memory(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    path = spoilt(finished, lambda c: c["segexp"]["config"]["model"].update(base=64))
    made: list[str] = []

    def counted(self: torch.nn.Conv2d) -> None:
        made.append(self.weight.device.type)

    monkeypatch.setattr(torch.nn.Conv2d, "reset_parameters", counted)
    with pytest.raises(UserError, match="do not fit"):
        load(path)
    assert set(made) == {"meta"}


@pytest.mark.parametrize("content", ["[" * 100_000, '{"checkpoint": [1]}', '{"checkpoint": {"path": 3}}'])
def test_results_of_a_stranger(content: str, finished: Finished) -> None:
    folder = foreign(finished, lambda config: None)
    (folder / "results.json").write_text(content)
    try:
        assert load(folder).threshold is not None
    except UserError as error:
        assert "results.json" in str(error)
        assert "nested too deep" in str(error)


def test_a_list_that_holds_itself_a_hundred_thousand_times(
    finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = foreign(finished, lambda config: None)
    (folder / "config.yaml").write_text(f"a: &a [{','.join(['*a'] * 30_000)}]\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert run(["check", "scope=config", f"from={folder}"]) == 2
    assert_refused(capsys, folder / "config.yaml", "is no config")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000


TABLES = {
    "epoch,train/loss\n0,secret\n": "could not convert string to float: 'secret'; expected numbers alone",
    "train/loss\n0.5\n": "a row has no epoch",
    'epoch\n"' + "9" * 5_000 + '"\n': "expected numbers alone",
}


def test_a_table_of_a_stranger_is_read_before_anything_is_made(
    finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = foreign(finished, lambda config: None)
    checkpoint = folder / "checkpoints" / "last.ckpt"
    for table, said in TABLES.items():
        (folder / "metrics.csv").write_text(table)
        with pytest.raises(UserError, match=said):
            earlier_rows(str(checkpoint), 9)
    assert run([f"from={finished.path}", f"resume={checkpoint}", f"output_dir={Path.cwd() / 'outputs'}"]) == 2
    assert_refused(capsys, folder / "metrics.csv", "expected numbers alone")


CODE: Mapping[str, Callable[[Path], Any]] = {
    "pickle": lambda path: path.write_bytes(pickle.dumps(Boom())),
    "archive": lambda path: torch.save({"segexp": Boom()}, path),
    "old archive": lambda path: torch.save({"segexp": Boom()}, path, _use_new_zipfile_serialization=False),
}


@pytest.mark.parametrize("name", CODE)
def test_code_in_a_pickle_is_named_and_nobody_is_told_to_run_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Torch itself recommends weights_only=False."""
    CODE[name](Path("x.ckpt"))
    for words in (["evaluate", "run=x.ckpt", "out=out"], ["weights", "file=x.ckpt"]):
        assert run(words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "x.ckpt" in line
        assert "it names posix.system, which is no tensor" in line
        assert "weights_only" not in line
    assert not Path("canary").exists()


def test_a_pickle_that_takes_more_than_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    """``bytearray`` is no code, and taken by ``weights_only=True``, whatever it is told to make."""

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return bytearray, (30_000_000_000,)

    torch.save({"segexp": Bomb()}, "x.ckpt")
    for words in (["evaluate", "run=x.ckpt", "out=out"], ["weights", "file=x.ckpt"], ["resume=x.ckpt"]):
        assert run(words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "makes a builtins.bytearray of more values than the file has bytes" in line
