"""The folder of a sweep from somebody else is data: a job of it writes nowhere else and runs nobody's code."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from segexp.cli.app import run
from segexp.sweeps.command import resumed_section
from segexp.sweeps.foreign import check_folder, check_jobs, words_to_resume
from segexp.sweeps.layout import JobFiles
from segexp.sweeps.manifest import Manifest
from segexp.sweeps.seal import FILE, read_sealed, seal
from tests.sweeps.made import SECTION, create, planned, section, seeds
from tests.sweeps.real import PART, QUICK, manifest, resume, sweep, sweep_folder
from tests.sweeps.real import run as run_line

VICTIM = Path("victim")
OWN = "sealed_nets.Net"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of its own, so that the key of the user is left alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEGEXP_TRUST", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    VICTIM.mkdir()
    (VICTIM / "file").write_text("mine")


def changed(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    reads, writes = (json.loads, json.dumps) if path.suffix == ".json" else (yaml.safe_load, yaml.safe_dump)
    content = reads(path.read_text())
    change(content)
    path.write_text(writes(content))


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Refused on the command line, in one line; no file elsewhere was touched."""
    # An engine that starts nothing ahead.
    assert run(["sweep.resume=sweep", "sweep.engine=ray", *words]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1, said
    assert [path.name for path in VICTIM.iterdir()] == ["file"]
    assert (VICTIM / "file").read_text() == "mine"
    assert not Path("canary").exists()
    return said


OUT = ("../victim", "a/../../victim", "/tmp/victim", "", ".", "..", "C:\\victim", "..\\victim", "~/victim")


@pytest.mark.parametrize("folder", OUT)
def test_a_job_has_its_folder_in_that_of_the_sweep(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    create(Path("sweep"), seeds(0, 1))
    original = Path("sweep/manifest.json").read_text()
    changed(Path("sweep/manifest.json"), lambda content: content["jobs"][1].update(folder=folder))
    assert f"sweep/manifest.json: jobs.1.folder: found {folder!r}" in refused(capsys)
    Path("sweep/manifest.json").write_text(original)
    changed(Path("sweep/jobs/001/job.json"), lambda content: content.update(folder=folder))
    assert f"sweep/jobs/001/job.json: folder: found {folder!r}" in refused(capsys)


@pytest.mark.parametrize(
    "place", ["001_seed-1", "jobs/001/output.log", "jobs/001/.lock", ".lock", "study.db", "000_seed-0/checkpoints"]
)
def test_a_link_out_of_the_folder(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    create(Path("sweep"), seeds(0, 1))
    link = Path("sweep", place)
    link.parent.mkdir(exist_ok=True)
    link.symlink_to((VICTIM if "." not in place else VICTIM / "file").resolve())
    said = refused(capsys)
    assert place in said
    assert "link out of" in said


def test_a_link_inside_the_folder_is_taken() -> None:
    found = create(Path("sweep"), seeds(0))
    Path("sweep/000").mkdir()
    Path("sweep/000/latest").symlink_to("log.txt")
    check_folder(found, [])


@pytest.mark.parametrize("number", ["../x", -1, 1.5, True, None])
def test_a_job_has_a_number(number: Any, capsys: pytest.CaptureFixture[str]) -> None:
    create(Path("sweep"), seeds(0))
    changed(Path("sweep/manifest.json"), lambda content: content["jobs"][0].update(number=number))
    assert "sweep/manifest.json: is no manifest" in refused(capsys)


EVIL = {"_target_": "setuptools._distutils.spawn.spawn", "cmd": ["touch", "canary"]}
CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "loss._target_": lambda config: config.update(loss=EVIL),
    "callbacks.my._target_": lambda config: config.update(callbacks={"my": EVIL}),
    "callbacks.spawn._target_": lambda config: config.update(callbacks={"extra": [EVIL]}),
    "datamodule.root._target_": lambda config: config["datamodule"].update(root=EVIL),
    "hydra": lambda config: config.update(hydra={"run": {"dir": "x"}}),
    "seed": lambda config: config.update(seed="${oc.env:HOME}"),
    "name": lambda config: config.update(name="../../victim"),
    "output_dir": lambda config: config.update(output_dir="../victim"),
}


@pytest.mark.parametrize("key", CHANGES)
def test_what_a_job_would_run(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    create(Path("sweep"), seeds(0, 1))
    changed(Path("sweep/jobs/001/config.yaml"), CHANGES[key])
    # A job that says it has finished, but has no results, runs again.
    changed(Path("sweep/manifest.json"), lambda content: content["jobs"][1].update(state="finished"))
    said = refused(capsys)
    assert f"sweep/jobs/001/config.yaml: {key}: " in said.replace("seed-1/", "")


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ({"slurm": {"setup": ["touch canary"]}}, "sweep.slurm.setup"),
        ({"slurm": {"options": {"wrap": "touch canary"}}}, "sweep.slurm.options"),
        ({"ray": {"address": "ray://evil:1"}}, "sweep.ray.address"),
        ({"storage": "sqlite:///victim/file"}, "sweep.storage"),
    ],
)
def test_keys_of_the_sweep(section: dict[str, Any], key: str, capsys: pytest.CaptureFixture[str]) -> None:
    create(Path("sweep"), planned(["seed=0"], sweep={**SECTION, **section}))
    said = refused(capsys)
    assert f"sweep/jobs/000/config.yaml: {key}: found" in said
    assert f"give it in the command: '{key}=" in said or f"give it in the command: {key}=" in said


def test_words_and_study_of_a_job(capsys: pytest.CaptureFixture[str]) -> None:
    create(Path("sweep"), seeds(0))
    path = Path("sweep/jobs/000/job.json")
    original = path.read_text()
    changed(path, lambda content: content.update(choices={"model": "../../victim"}))
    assert f"{path}: model=../../victim" in refused(capsys)
    path.write_text(original)
    changed(path, lambda content: content.update(overrides=["hydra.run.dir=victim"]))
    assert f"{path}: hydra.run.dir=victim" in refused(capsys)
    path.write_text(original)
    changed(path, lambda content: content.update(trial={"storage": "sqlite:///victim/file", "study": "s", "number": 0}))
    assert f"{path}: sweep.storage: found 'sqlite:///victim/file'" in refused(capsys)


def test_words_of_a_search(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("optuna")
    create(Path("sweep"), [])
    for words, expected in (
        (["sweep=optuna", "--config-dir", "victim"], "add --config-dir victim"),
        (["sweep=optuna", "model.base={_target_:os.system,_args_:[touch canary]}"], "model.base._target_: 'os.system'"),
        (["sweep=optuna", "hydra.sweep.dir=victim"], "hydra.sweep.dir=victim"),
        (["sweep=optuna", "sweep.storage=sqlite:///victim/file"], "sweep.storage: found"),
        (["sweep=optuna", "name=${oc.env:HOME}"], "name: found '${oc.env:HOME}'"),
    ):
        search = {"name": "s", "words": [*words, "optimizer.lr=log(1e-4,1e-2)"], "section": {}}
        changed(Path("sweep/manifest.json"), lambda content, search=search: content.update(search=search))
        said = refused(capsys)
        assert "sweep/manifest.json: " in said
        assert expected in said


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """A sweep over a model of the user's own, with lines of shell for its nodes."""
    Path("lib").mkdir()
    Path("lib/sealed_nets.py").write_text("from torch import nn\nclass Net(nn.Module): pass\n")
    monkeypatch.syspath_prepend(str(Path("lib").resolve()))
    section = {**SECTION, "slurm": {"setup": ["module load cuda"]}}
    return create(Path("sweep"), planned(["seed=0"], ["seed=1"], model={"_target_": OWN}, sweep=section))


def checked(found: Manifest, *words: str) -> None:
    check_folder(found, words)
    check_jobs([JobFiles(found.folder, entry.number) for entry in found], words)


WORDS = ["trust=[sealed_nets]", 'sweep.slurm.setup=["module load cuda"]']


def test_a_sweep_of_ones_own_goes_on_without_words(own: Manifest) -> None:
    with pytest.raises(Exception, match=r"slurm\.setup"):
        checked(own)
    jobs = [JobFiles(own.folder, entry.number).read().experiment for entry in own]
    assert words_to_resume(jobs, own.folder) == WORDS
    assert seal(own.folder, WORDS)
    checked(own)
    # Another line of shell is not the one that was agreed to.
    changed(Path("sweep/jobs/001/config.yaml"), lambda config: config["sweep"]["slurm"].update(setup=["touch canary"]))
    with pytest.raises(Exception, match="touch canary"):
        checked(own)


def test_a_seal_counts_for_its_user_and_its_place(own: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert seal(own.folder, WORDS)
    assert read_sealed(own.folder) == WORDS
    assert (Path("state") / "segexp" / "key").stat().st_mode & 0o077 == 0
    shutil.copytree(own.folder, "copy")
    assert read_sealed(Path("copy")) == []
    changed(own.folder / FILE, lambda content: content["words"].append("trust=[os]"))
    assert read_sealed(own.folder) == []
    assert seal(own.folder, WORDS)
    monkeypatch.setenv("XDG_STATE_HOME", str(Path("other").resolve()))
    assert read_sealed(own.folder) == []
    for content in ("", "[]", '{"words": 3}', '{"words": ["a"], "seal": null}'):
        (own.folder / FILE).write_text(content)
        assert read_sealed(own.folder) == []


def test_without_a_place_for_a_key(own: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str((VICTIM / "file").resolve()))
    assert not seal(own.folder, WORDS)
    assert seal(own.folder, [])
    assert read_sealed(own.folder) == []


def test_words_of_the_command_take_it_as_well(own: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGEXP_TRUST", "sealed_nets")
    checked(own, 'sweep.slurm.setup=["module load cuda"]')
    now = section(slurm={"setup": []}, resume="sweep")
    assert resumed_section(own.folder, now, ["sweep.slurm.setup=[]"]).slurm.setup == []


@pytest.mark.slow
def test_a_sweep_over_a_package_of_ones_own_goes_on() -> None:
    """At home as it is; elsewhere, as anybody's, with trust alone."""
    done = sweep("seed=0,1", PART % "FailWithoutFile", "sweep.jobs=1")
    assert done.returncode == 1
    folder = sweep_folder()
    assert f"to go on: python -m segexp sweep.resume={folder}\n" in done.stdout
    shutil.copytree(folder, "copy")
    Path("file").touch()
    assert resume(folder).returncode == 0
    assert [job["state"] for job in manifest(folder)] == ["finished"] * 2
    other = resume(Path("copy"))
    assert other.returncode == 2
    assert "'trust=[tests]'" in other.stderr
    assert resume(Path("copy"), "trust=[tests]").returncode == 0
    assert [job["state"] for job in manifest(Path("copy"))] == ["finished"] * 2
    again = run_line([sys.executable, "-m", "segexp", f"from={folder / manifest(folder)[0]['folder']}", *QUICK])
    assert again.returncode == 2
    assert "'trust=[tests]'" in again.stderr
