"""A run goes on, and is tested again, with the images that it had in each part."""

import json
import shlex
import shutil
from pathlib import Path

import pytest
import torch

from segexp.cli.app import run
from segexp.errors import ConfigError, DataError
from segexp.training.resuming.run_split import split_of
from tests.data.test_run_split import names, pair
from tests.training.runs import Done, folders, go, read_json

EYES = (
    "datamodule=folder", "datamodule.root=eyes", "datamodule.crops_total=4", "datamodule.loader.batch_size=2",
    "datamodule.loader.num_workers=0", "scheduler=none", "metric=[]", "bootstrap=0", "baselines=false", "panels=0",
)  # fmt: skip
OTHERS = {"datamodule=synthetic", "datamodule.crop_size=null", "datamodule.crops_per_image=1"}


def trained(*words: str) -> Done:
    """A tiny run on the folder."""
    from hydra import compose, initialize_config_dir

    from segexp.config.composed import checked_train
    from segexp.config.paths import conf_dir
    from tests.training import runs

    kept = [
        w
        for w in runs.TINY
        if w not in OTHERS and not w.startswith(("datamodule.size", "datamodule.t", "datamodule.v"))
    ]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return runs.run(checked_train(compose("train", [*kept, *EYES, *words])))


@pytest.fixture
def eyes() -> Path:
    for number, name in enumerate(names(0, 10)):
        pair(Path("eyes"), name, number)
    return Path("eyes")


def more(root: Path) -> None:
    for number, name in enumerate(names(10, 18)):
        pair(root, name, 100 + number)


def split(done: Path) -> dict[str, list[str]]:
    content: dict[str, list[str]] = read_json(done / "split.json")
    return content


def test_what_was_tested_never_trains(eyes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = trained()
    assert split_of(first.path / "checkpoints" / "last.ckpt") == split(first.path)
    more(eyes)
    # Typed once more, with what is guessed left to the data, and from its folder with the checkpoint elsewhere.
    again = trained("trainer.max_epochs=3", f"resume={first.path}")
    assert split(again.path) == split(first.path)
    assert any("8 images that are in no part of the split of the run" in note for note in again.content["notes"])
    shutil.copy(first.path / "checkpoints" / "last.ckpt", "moved.ckpt")
    third = trained("trainer.max_epochs=4", "resume=moved.ckpt")
    assert split(third.path) == split(first.path)
    assert split(trained().path) != split(first.path)
    capsys.readouterr()
    assert run(["check", f"from={first.path}", f"resume={first.path}"]) == 0
    assert "used nowhere" in capsys.readouterr().out
    assert run(["evaluate", f"run={first.path}", "device=cpu", "panels=0", "bootstrap=0", "out=tested"]) == 0
    content = read_json(next(Path("tested").rglob("results.json")))
    assert content["confusion"] == first.content["confusion"]
    lost = split(third.path)["val"][0]
    for folder in ("images", "masks"):
        (eyes / folder / f"{lost}.png").unlink()
    with pytest.raises(DataError, match=f"split are not there: {lost}; put them back"):
        trained("trainer.max_epochs=3", f"resume={first.path}")
    assert run(["check", f"from={first.path}", f"resume={first.path}"]) == 2
    assert "split are not there" in capsys.readouterr().out


def test_a_new_run_from_a_run_says_that_the_files_of_today_are_dealt_out_anew(eyes: Path, outputs: Path) -> None:
    def started(*words: str) -> tuple[Path, list[str]]:
        before = set(folders())
        assert run([*words]) == 0
        (path,) = set(folders()) - before
        return path, [
            note for note in read_json(path / "results.json")["notes"] if "split is" in note or "split_file:" in note
        ]

    first = trained().path
    assert started(f"from={first}", "seed=1")[1] == []
    more(eyes)
    second, (note,) = started(f"from={first}", "seed=1")
    parts, now = ({n: p for p in ("train", "val", "test") for n in split(run_)[p]} for run_ in (first, second))
    moved = sum(parts[name] != now[name] for name in parts)
    assert moved > 0
    assert note.startswith(f"the split is not that of {first}, for since then 8 came (p05_0, ")
    assert f": {moved} are in another part (" in note
    keeps = note.partition("to keep its parts, add: ")[2]
    third, (told,) = started(f"from={first}", *shlex.split(keeps))
    assert split(third) == split(first)
    assert f"{first / 'split.json'} names 10 of 18 images; used nowhere: p05_0" in told


def test_a_checkpoint_of_version_0_1_has_its_split_beside_it(tmp_path: Path) -> None:
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    last.parent.mkdir(parents=True)
    torch.save({"segexp": {"config": {}}, "state_dict": {}}, last)
    assert split_of(last) is None
    known = {"train": ["a"], "val": ["b"], "test": ["c"]}
    (tmp_path / "run" / "split.json").write_text(json.dumps(known))
    assert split_of(last) == known
    torch.save({"segexp": {"config": {}, "split": {**known, "train": ["d"]}}, "state_dict": {}}, last)
    assert split_of(last) == {**known, "train": ["d"]}
    for text in ("{", '{"train": ["a"], "val": "b"}'):
        last.unlink(missing_ok=True)
        (tmp_path / "run" / "split.json").write_text(text)
        with pytest.raises(ConfigError, match=r"split\.json: "):
            split_of(last)


def test_fewer_epochs_than_are_done_are_refused_before_anything_is_written(outputs: Path) -> None:
    done = go("scheduler=none", "trainer.max_epochs=3")
    for asked in (1, 2):
        with pytest.raises(ConfigError, match=rf"^trainer.max_epochs: found {asked}, .* done 3 epochs; give 4 or more"):
            go("scheduler=none", f"trainer.max_epochs={asked}", f"resume={done.path}")
    assert len(list(outputs.rglob("run.json"))) == 1


def test_the_clock_starts_anew_and_a_run_can_go_on_again_and_again() -> None:
    words = ("scheduler=none", "trainer.max_epochs=100000", "trainer.max_time='00:00:00:01'")
    first = go(*words)
    second = go(*words, f"resume={first.path}")
    assert len(second.rows) > len(first.rows) >= 1
    assert second.record["epochs"] == len(second.rows) == second.last["epoch"] + 1
    assert second.record["ended_by"] == "trainer.max_time"
    # Nothing left to train: the state that it goes on from is its last.
    over = go("scheduler=none", f"trainer.max_epochs={len(second.rows)}", f"resume={second.path}")
    assert over.last["epoch"] == second.last["epoch"]
    assert over.content["rows"] == second.content["rows"]
