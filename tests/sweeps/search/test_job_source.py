"""Searches with an engine without processes: what the study is told, resume, workers, a power cut anywhere."""

import csv
import io
import json
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from segexp.config.experiment import Experiment
from segexp.config.schema import SearchConfig
from segexp.errors import ConfigError
from segexp.invocation import Invocation
from segexp.sweeps import layout as places
from segexp.sweeps.display import Display
from segexp.sweeps.engines.base import Started
from segexp.sweeps.manifest import Manifest
from segexp.sweeps.run import Runner
from segexp.sweeps.search.dimensions import Value
from segexp.sweeps.search.job_source import SearchSource, StudyError, best_value
from segexp.sweeps.search.space import read_space
from segexp.sweeps.search.study import make_sampler
from segexp.sweeps.search.trials import best_lines, importance_line, write_trials
from tests.sweeps.made import Power, PowerCut, Pretend, create, experiment

WORDS = ["sweep=optuna", "rate=log(1e-4,1)", "model=cunet,unet"]
SPACE = read_space(WORDS)
TRIAL = {"study": "s", "storage": None, "pruner": "median", "startup": 2, "warmup": 0, "epochs": 3}
Trial = tuple[str, float | None, float]


def compose(values: Mapping[str, Value]) -> Experiment:
    invocation = Invocation(["segexp"], tuple(SPACE.line(values)[1:]), {"model": str(values["model"])})
    return replace(experiment(**values), invocation=invocation)


class Scored(Pretend):
    """Jobs are the better the nearer their rate is to 0.01; the test, which must not count, says the opposite."""

    def start(self, numbers: Sequence[int]) -> list[Started]:
        assert self.expected.keys() >= set(numbers)
        return super().start(numbers)

    def results(self, number: int) -> dict[str, Any]:
        rate = places.JobFiles(self.folder, number).read().experiment.value("rate")
        return {
            "checkpoint": {"monitor": "val/miou", "value": -abs(rate - 0.01)},
            "rows": [{"dataset": {"miou": rate}}],
        }


@pytest.fixture
def study() -> optuna.Study:
    return opened(optuna.storages.InMemoryStorage())


def opened(storage: Any) -> optuna.Study:
    """The study as a new process opens it."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = make_sampler(SearchConfig(sampler="tpe", startup=2, seed=0))
    return optuna.create_study(
        study_name="s", storage=storage, sampler=sampler, direction="maximize", load_if_exists=True
    )


def search(
    folder: Path,
    study: optuna.Study,
    engine: Pretend,
    total: int = 5,
    how: Callable[[Mapping[str, Value]], Experiment] = compose,
    storage: str | None = None,
) -> tuple[int, str]:
    """Searches, or goes on; exit code and what was said."""
    if not (folder / "manifest.json").is_file():
        create(folder, [])
    manifest = Manifest.read(folder)
    manifest.reconcile()
    out = io.StringIO()
    source = SearchSource(manifest, study, SPACE, how, {**TRIAL, "storage": storage}, total)
    source.sync()
    code = Runner(manifest, engine, Display(manifest, out), source.through(engine)).run()
    return code, out.getvalue()


def trials(study: optuna.Study) -> list[tuple[str, float | None]]:
    return [(trial.state.name, trial.value) for trial in study.trials]


def test_every_trial_is_a_job_and_its_validation_value_is_told(tmp_path: Path, study: optuna.Study) -> None:
    engine = Scored(tmp_path, places=2)
    code, out = search(tmp_path, study, engine)
    assert (code, engine.started) == (0, [0, 1, 2, 3, 4])
    entries = list(Manifest.read(tmp_path))
    assert [(e.state, e.trial, e.attempts) for e in entries] == [("finished", n, 1) for n in range(5)]
    for entry, trial in zip(entries, study.trials, strict=True):
        job = places.JobFiles(tmp_path, entry.number).read()
        assert job.experiment.value("rate") == trial.params["rate"]
        assert entry.overrides == [f"rate={trial.params['rate']!r}", f"model={trial.params['model']}"]
        assert trial.value == -abs(trial.params["rate"] - 0.01)
        assert trial.user_attrs["folder"] == str(tmp_path / entry.folder)
        assert job.experiment.invocation.trial == {**TRIAL, "number": trial.number}
        assert job.experiment.invocation.sweep_dir == tmp_path
    assert engine.expected.keys() == {0, 1, 2, 3, 4}
    assert f"job   0  started      {entries[0].label}" in out
    assert "(5 of 5)" in out
    assert "to go on" not in out


def test_pruned_is_done_and_failed_is_not_asked_again(tmp_path: Path, study: optuna.Study) -> None:
    engine = Scored(tmp_path, {0: "finished", 1: "pruned", 2: "failed", 3: "killed", 4: "finished"}.__getitem__)
    (tmp_path / "jobs/001").mkdir(parents=True)
    (tmp_path / "jobs/001/output.log").write_text("epoch 1\npruned after epoch 1\n")
    code, out = search(tmp_path, study, engine)
    assert code == 1
    assert [entry.state for entry in Manifest.read(tmp_path)] == ["finished", "pruned", "failed", "failed", "finished"]
    assert [state for state, _ in trials(study)] == ["COMPLETE", "PRUNED", "FAIL", "FAIL", "COMPLETE"]
    line = next(line for line in out.splitlines() if line.startswith("job   1  pruned"))
    assert line.endswith("pruned after epoch 1  1.0 s  (2 of 5)")
    assert "2 of 5 jobs failed:" in out
    assert "to go on" not in out
    again = Scored(tmp_path)
    assert search(tmp_path, study, again) == (1, out[out.index("\n2 of 5 jobs failed:") :])
    assert again.started == []
    assert search(tmp_path, study, again, total=7)[0] == 1
    assert again.started == [5, 6]
    assert len(study.trials) == 7


def test_an_interrupted_search_finds_what_an_undisturbed_one_does(tmp_path: Path) -> None:
    whole = opened(optuna.storages.InMemoryStorage())
    search(tmp_path / "whole", whole, Scored(tmp_path / "whole", places=1), total=8)

    def press(number: int) -> str:
        if number == 3:
            os.kill(os.getpid(), signal.SIGINT)
            return "interrupted"
        return "finished"

    folder, storage = tmp_path / "parts", optuna.storages.InMemoryStorage()
    engine = Scored(folder, press, places=1)
    code, out = search(folder, opened(storage), engine, total=8)
    assert (code, engine.started, engine.said) == (130, [0, 1, 2, 3], ["interrupt"] * 0)
    assert f"to go on: python -m segexp sweep.resume={folder}" in out
    assert opened(storage).trials[3].state == TrialState.RUNNING
    engine = Scored(folder, places=1)
    assert search(folder, opened(storage), engine, total=8)[0] == 0
    assert engine.started == [3, 4, 5, 6, 7]
    assert trials(opened(storage)) == trials(whole)
    assert [trial.params for trial in opened(storage).trials] == [trial.params for trial in whole.trials]


def test_a_config_that_is_run_already_is_not_run_again(tmp_path: Path, study: optuna.Study) -> None:
    def coarse(values: Mapping[str, Value]) -> Experiment:
        return compose({"rate": 0.5, "model": values["model"]})

    engine = Scored(tmp_path, places=1)
    code, out = search(tmp_path, study, engine, total=6, how=coarse)
    assert (code, len(engine.started)) == (0, 2)
    assert trials(study) == [("COMPLETE", -0.49)] * 6
    assert out.count(" once more (") == 4
    assert len({trial.user_attrs["folder"] for trial in study.trials}) == 2


def test_values_without_a_valid_config_fail_and_the_search_goes_on(tmp_path: Path, study: optuna.Study) -> None:
    def picky(values: Mapping[str, Value]) -> Experiment:
        if values["model"] == "unet":
            raise ConfigError("model.base: found 'x'")
        return compose(values)

    engine = Scored(tmp_path, places=1)
    _, out = search(tmp_path, study, engine, total=8, how=picky)
    bad = [trial.number for trial in study.trials if trial.params["model"] == "unet"]
    assert 0 < len(bad) < 8
    assert [n for n, (state, _) in enumerate(trials(study)) if state == "FAIL"] == bad
    assert len(engine.started) == 8 - len(bad)
    assert out.count("FAILED, no valid config: model.base: found 'x'") == len(bad)


def test_when_nothing_but_failures_come_it_gives_up(tmp_path: Path, study: optuna.Study) -> None:
    engine = Scored(tmp_path, lambda number: "failed")
    code, out = search(tmp_path, study, engine, total=50)
    assert (code, len(engine.started)) == (1, 4)
    assert "note: 3 trials have failed and none has not: no more are started" in out
    assert "to go on" in out


def test_several_workers_share_the_trials(tmp_path: Path) -> None:
    """The first asks for all but two, and leaves one of them; the second sees that, and asks for the rest."""
    storage = optuna.storages.InMemoryStorage()
    one = Scored(tmp_path / "one", places=1)
    search(tmp_path / "one", opened(storage), one, total=3, storage="shared")
    left = opened(storage).ask()
    left.set_user_attr("sweep", "/elsewhere/one")
    two = Scored(tmp_path / "two", places=4)
    code, out = search(tmp_path / "two", opened(storage), two, total=6, storage="shared")
    assert (code, one.started, two.started) == (0, [0, 1, 2], [0, 1])
    assert "note: trial 3 runs, or was cut off, in /elsewhere/one" in out
    assert [state for state, _ in trials(opened(storage))] == ["COMPLETE"] * 3 + ["RUNNING"] + ["COMPLETE"] * 2
    assert len({trial.params["rate"] for trial in opened(storage).trials if trial.params}) == 5


def test_two_workers_that_ask_for_the_last_trial_at_once(tmp_path: Path) -> None:
    """The one that comes second gives its trial back."""
    study = opened(optuna.storages.InMemoryStorage())

    def late(values: Any) -> Any:
        opened(study._storage).ask()
        return values

    manifest = create(tmp_path, [])
    source = SearchSource(manifest, study, SPACE, compose, TRIAL, 1)
    ask = study.ask
    study.ask = lambda distributions: ask(late(distributions))  # type: ignore[method-assign, assignment]
    assert source.take(1) == []
    assert not source.more()
    assert [(t.state.name, t.user_attrs.get("lost")) for t in study.trials] == [("RUNNING", None), ("FAIL", True)]


def test_a_storage_that_is_gone_is_named(tmp_path: Path, study: optuna.Study) -> None:
    def gone(*_: Any, **__: Any) -> None:
        raise optuna.exceptions.StorageInternalError("database is locked")

    study.tell = gone  # type: ignore[method-assign, assignment]
    with pytest.raises(StudyError, match="the study cannot be reached: database is locked"):
        search(tmp_path, study, Scored(tmp_path))
    assert [entry.state for entry in Manifest.read(tmp_path)] == ["finished", "interrupted"]


def test_a_study_that_lacks_trials_is_another_one(tmp_path: Path, study: optuna.Study) -> None:
    search(tmp_path, study, Scored(tmp_path), total=2)
    with pytest.raises(StudyError, match=r"the study s lacks trials that .* has run; was its storage moved"):
        search(tmp_path, opened(optuna.storages.InMemoryStorage()), Scored(tmp_path), total=4)


@pytest.mark.parametrize("pause", [4, pytest.param(0, marks=pytest.mark.slow)])
def test_a_power_cut_between_any_two_writes(pause: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each write in turn, of a file or to the study, the power goes; then the search goes on until it is done.

    With a pause some changes are in the whole file and others beside it; without, all are in the file.
    """
    ending = {0: "finished", 1: "pruned", 2: "interrupted"}
    power = Power(monkeypatch, pause)
    store = optuna.storages.InMemoryStorage
    for name in ("create_new_trial", "set_trial_param", "set_trial_user_attr", "set_trial_state_values"):
        monkeypatch.setattr(store, name, power.counted(getattr(store, name)))
    alone = store()
    search(tmp_path / "alone", opened(alone), Scored(tmp_path / "alone"), total=3)
    drawn = [trial.params for trial in opened(alone).trials[:2]]
    cuts = 0
    for count in range(1000):
        folder, storage = tmp_path / str(count), store()
        opened(storage)
        power.left = count
        try:
            search(folder, opened(storage), Scored(folder, ending.__getitem__), total=3)
            break
        except PowerCut:
            cuts += 1
        power.left = None
        told = {t.number: (t.state, t.value) for t in opened(storage).trials if t.state.is_finished()}
        engine = Scored(folder)
        search(folder, opened(storage), engine, total=3)
        found = opened(storage).trials
        assert {number: (found[number].state, found[number].value) for number in told} == told
        kept = [trial for trial in found if "lost" not in trial.user_attrs]
        assert len(kept) == 3
        # The third is proposed by how the first two have ended, which is otherwise here.
        assert [trial.params for trial in kept[:2]] == drawn
        assert len(found) - len(kept) <= 1
        entries = {entry.trial: entry for entry in Manifest.read(folder)}
        assert entries.keys() == {trial.number for trial in kept}
        for trial in kept:
            entry = entries[trial.number]
            assert (entry.state, trial.state.name) in {
                ("finished", "COMPLETE"), ("pruned", "PRUNED"), ("failed", "FAIL")
            }  # fmt: skip
            assert trial.value == (best_value(folder / entry.folder) if entry.state == "finished" else None)
            assert entry.overrides[0] == f"rate={trial.params['rate']!r}"
        assert len(set(engine.started)) == len(engine.started)
    assert cuts > 30


def test_the_table_and_the_best(tmp_path: Path, study: optuna.Study) -> None:
    search(tmp_path, study, Scored(tmp_path, lambda n: "pruned" if n == 2 else "finished", places=1), total=9)
    manifest = Manifest.read(tmp_path)
    SearchSource(manifest, study, SPACE, compose, TRIAL, 9)._lose(study.ask())
    table = write_trials(study, SPACE, manifest)
    assert table == tmp_path / "trials.csv"
    with table.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["trial", "state", "value", "rate", "model", "epochs", "seconds", "folder"]
    assert [row["state"] for row in rows] == ["finished", "finished", "pruned"] + ["finished"] * 6
    for row, trial in zip(rows, study.trials, strict=False):
        assert row["value"] == ("" if trial.value is None else str(trial.value))
        assert (float(row["rate"]), row["model"], row["seconds"]) == (*trial.params.values(), "1.0")
        assert row["folder"] == str(tmp_path / manifest.entries[trial.number].folder)
    best = study.best_trial
    lines = list(best_lines(study, SPACE, "val/miou"))
    assert lines[0] == f"best          trial {best.number}, val/miou {best.value:.4f}, {SPACE.label(best.params)}"
    assert lines[1].strip() == str(tmp_path / manifest.entries[best.number].folder)
    assert lines[2].strip() == (f"python -m segexp rate={best.params['rate']!r} model={best.params['model']}")
    importance = importance_line(study, SPACE)
    assert importance is not None
    assert importance.startswith("importance    rate ")
    assert importance.endswith("(fANOVA of 8 finished trials)")


def test_before_the_first_trial_there_is_no_table(tmp_path: Path, study: optuna.Study) -> None:
    manifest = create(tmp_path, [])
    assert write_trials(study, SPACE, manifest) is None
    assert list(best_lines(study, SPACE, "val/miou")) == []
    assert importance_line(study, SPACE) is None
    assert best_value(tmp_path) is None
    (tmp_path / "results.json").write_text(json.dumps({"checkpoint": {"value": 0.5}}))
    assert best_value(tmp_path) == 0.5


def test_workers_draw_apart_also_in_the_place_of_a_trial_that_was_cut_off(study: optuna.Study) -> None:
    space = {"rate": optuna.distributions.FloatDistribution(0.0, 1.0)}
    lost = study.ask(space)
    lost.set_user_attr("lost", True)
    study.tell(lost, state=optuna.trial.TrialState.FAIL)
    asked = [study.ask(space) for _ in range(3)]
    assert [trial.user_attrs["draw"] for trial in study.trials[1:]] == [0, 1, 2]
    assert asked[0].params == lost.params
    assert len({trial.params["rate"] for trial in asked}) == 3
