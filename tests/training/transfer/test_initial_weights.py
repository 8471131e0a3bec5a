"""``init_from``: what fits is loaded, what does not is named, and nothing is written before that is known."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from segexp.cli.app import run
from segexp.errors import ConfigError, UserError
from segexp.training.hardware import with_hardware
from segexp.training.prepare import Prepared, prepare
from segexp.training.transfer.initial_weights import check_init_from
from tests.training.runs import TINY, Done, composed, folders, go, read_json, table

QUICK = ("metric=[]", "bootstrap=0", "baselines=false", "panels=0")


def prepared(*overrides: str) -> Prepared:
    return prepare(with_hardware(composed(*overrides)), allocator=False)


def weights(found: Prepared) -> dict[str, Tensor]:
    return found.module.model.state_dict()


def network(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    return {k.removeprefix("model."): v for k, v in checkpoint["state_dict"].items() if k.startswith("model.")}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A run with one logit, on RGB."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("first"))
        return go(*QUICK, "trainer.max_epochs=1")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_run_starts_from_another_with_other_classes(first: Done) -> None:
    before = network(first.best)
    done = go(*QUICK, f"init_from={first.path}", "datamodule.scene=cells", "loss=ce", "trainer.max_epochs=1")
    facts = done.record["init_from"]
    checkpoint = first.path / "checkpoints" / "best.ckpt"
    assert facts["file"] == str(checkpoint)
    assert facts["sha256"] == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert facts["run"] == "/".join(first.path.parts[-2:])
    assert facts["other_shape"] == {"count": 2, "first": ["head.weight", "head.bias"]}
    assert facts["loaded"] == len(before) - 2
    assert facts["of"] == len(before)
    assert facts["values"] == sum(v.numel() for k, v in before.items() if not k.startswith("head."))
    assert facts["missing"] == facts["unexpected"] == {"count": 0, "first": []}
    assert done.last["segexp"]["init_from"] == facts
    (note,) = [note for note in done.content["notes"] if note.startswith("started from")]
    assert "head.weight [1, 2, 1, 1] for [3, 2, 1, 1]" in note
    again = weights(prepared(f"init_from={first.path}", "datamodule.scene=cells", "loss=ce"))
    fresh = weights(prepared("datamodule.scene=cells", "loss=ce"))
    for name, value in again.items():
        expected = fresh[name] if name.startswith("head.") else before[name]
        assert torch.equal(value, expected), name


def test_other_channels_are_named_or_made_to_fit(first: Done) -> None:
    state = network(first.best)
    name = next(iter(state))
    torch.save({**state, name: state[name][:, :1]}, "grey.pth")
    exact = prepared("init_from=grey.pth")
    assert exact.started_from is not None
    assert exact.started_from.facts["other_shape"] == {"count": 1, "first": [name]}
    assert torch.equal(weights(exact)[name], weights(prepared())[name])
    adapted = prepared("init_from=grey.pth", "init_channels=adapt")
    assert adapted.started_from is not None
    assert adapted.started_from.facts["adapted"] == name
    torch.testing.assert_close(weights(adapted)[name], state[name][:, :1].expand(-1, 3, -1, -1) / 3)


def test_what_cannot_be_is_told_before_a_folder_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"a.weight": torch.zeros(3)}, "other.pth")
    Path("text.pth").write_text("no weights")
    (tmp_path / "empty").mkdir()
    for words, expected in {
        ("init_from=absent",): "init_from: no file or folder absent; give a run folder",
        ("init_from=empty",): "init_from: empty holds no checkpoints/best.ckpt",
        ("init_from=text.pth",): "init_from: text.pth is no state dict of torch",
        ("init_from=other.pth",): "init_from: other.pth: none of its 1 weights (a.weight) fits UNet (",
        ("init_channels=adapt",): "init_channels: found adapt, but init_from is null",
    }.items():
        assert run([*TINY, *QUICK, *words]) == 2
        said = capsys.readouterr().err
        assert expected in said
        assert len(said.strip().splitlines()) == 1, said
        assert run(["check", *TINY, *words]) == 2
        assert expected in "".join(capsys.readouterr())
    assert folders() == []


def test_published_weights_are_not_loaded_below_earlier_ones() -> None:
    experiment = replace(
        composed("init_from=x.pth"), model={"_target_": "segexp.models.segnet.SegNet", "pretrained": True}
    )
    with pytest.raises(ConfigError, match=r"add model\.pretrained=false, or leave init_from out"):
        check_init_from(experiment)


def test_a_resumed_run_takes_nothing_anew_and_keeps_what_it_started_from(first: Done, tmp_path: Path) -> None:
    source = tmp_path / "weights.pth"
    torch.save(network(first.best), source)
    begun = go(*QUICK, "init_from=weights.pth", "trainer.max_epochs=1", "scheduler=none")
    source.unlink()
    done = go(*QUICK, "init_from=weights.pth", "trainer.max_epochs=2", "scheduler=none", f"resume={begun.path}")
    assert done.record["init_from"] == begun.record["init_from"]
    assert [row["epoch"] for row in table(done.path / "metrics.csv")] == ["0", "1"]
    with pytest.raises(ConfigError, match="init_from: found None, but the run that resume goes on from has"):
        go(*QUICK, "trainer.max_epochs=3", "scheduler=none", f"resume={begun.path}")


def test_the_run_is_repeated_from_its_folder(
    first: Done, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A path out of the folder is not taken from a file: the command gives it again."""
    monkeypatch.setattr("segexp.training.endings.write_page", lambda path: path)
    torch.save(network(first.best), "weights.pth")
    assert run([*TINY, *QUICK, "init_from=weights.pth", "trainer.max_epochs=1"]) == 0
    (path,) = folders()
    assert run([f"from={path}"]) == 0
    records = [read_json(folder / "run.json")["init_from"] for folder in folders()]
    assert records[0] == records[1]
    assert records[0]["loaded"] == records[0]["of"]
    assert read_json(path / "run.json")["data"]["notes"][-1].startswith("started from weights.pth: ")
    config = (path / "config.yaml").read_text()
    (path / "config.yaml").write_text(config.replace("init_from: weights.pth", "init_from: ../weights.pth"))
    capsys.readouterr()
    assert run([f"from={path}"]) == 2
    assert "init_from: found '../weights.pth', a path out of its folder" in capsys.readouterr().err
    assert run(["check", f"from={path}", "init_from=weights.pth"]) == 0


def test_a_pickle_runs_nothing() -> None:
    import os
    import pickle

    class Boom:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, ("touch canary",)

    Path("evil.pth").write_bytes(pickle.dumps(Boom(), protocol=2))
    torch.save({"state_dict": Boom()}, "evil.ckpt")
    for name in ("evil.pth", "evil.ckpt"):
        with pytest.raises(UserError, match=rf"init_from: {name} is no state dict of torch"):
            prepared(f"init_from={name}")
    assert not Path("canary").exists()
