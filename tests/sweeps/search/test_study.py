"""The study: draws that depend on the number of a trial alone, pruners, and where it lies."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from segexp.config.schema import SearchConfig
from segexp.errors import ConfigError, MissingExtraError
from segexp.sweeps.search import study as studies
from segexp.sweeps.search.dimensions import Numbers, Options
from segexp.sweeps.search.study import distributions, make_sampler, open_study, require_optuna
from segexp.system import optuna_storage
from segexp.system.optuna_storage import make_pruner, open_storage, storage_url

SEARCH: dict[str, Any] = {"sampler": "tpe", "startup": 3, "seed": 0}
SETTINGS: dict[str, Any] = {"pruner": "median", "startup": 3, "warmup": 2, "epochs": 9}
SPACE = distributions(
    {
        "rate": Numbers(1e-4, 1e-1, log=True),
        "base": Numbers(8, 32, step=8, whole=True),
        "model": Options(("cunet", "unet")),
    }
)


def drawn(count: int, storage: Any, **changes: Any) -> list[dict[str, Any]]:
    """Draws trials that are the better the nearer their rate is to 1e-2; as a process of its own would."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        study_name="s",
        storage=storage,
        sampler=make_sampler(SearchConfig(**{**SEARCH, **changes})),
        load_if_exists=True,
    )
    for _ in range(count):
        trial = study.ask(SPACE)
        study.tell(trial, abs(trial.params["rate"] - 1e-2))
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_the_same_seed_draws_the_same_also_in_several_processes(sampler: str) -> None:
    whole = drawn(10, optuna.storages.InMemoryStorage(), sampler=sampler)
    storage = optuna.storages.InMemoryStorage()
    for count in (1, 2, 4, 3):
        parts = drawn(count, storage, sampler=sampler)
    assert parts == whole
    assert len({params["rate"] for params in whole}) == 10
    assert all(1e-4 <= params["rate"] <= 1e-1 and params["base"] in (8, 16, 24, 32) for params in whole)
    assert {params["model"] for params in whole} == {"cunet", "unet"}
    assert drawn(10, optuna.storages.InMemoryStorage(), sampler=sampler, seed=1) != whole


def test_tpe_learns_from_the_trials_before() -> None:
    rates = [params["rate"] for params in drawn(40, optuna.storages.InMemoryStorage(), startup=10)]
    near = [sum(5e-3 < rate < 2e-2 for rate in part) for part in (rates[:10], rates[20:30], rates[30:])]
    assert near[1] + near[2] > 2 * near[0] + 4


def test_pruners() -> None:
    assert isinstance(make_pruner({**SETTINGS, "pruner": "none"}), optuna.pruners.NopPruner)
    for pruner, expected in (("median", [False, True]), ("none", [False, False])):
        study = optuna.create_study(direction="maximize", pruner=make_pruner({**SETTINGS, "pruner": pruner}))
        for value in (0.8, 0.9, 0.7):
            trial = study.ask()
            for epoch in range(1, 10):
                trial.report(value, epoch)
            study.tell(trial, value)
        bad = study.ask()
        found = []
        for epoch in (1, 2):
            bad.report(0.1, epoch)
            found.append(bad.should_prune())
        assert found == expected
    study = optuna.create_study(direction="maximize", pruner=make_pruner({**SETTINGS, "pruner": "hyperband"}))
    pruned = 0
    for number in range(12):
        trial = study.ask()
        for epoch in range(1, 10):
            trial.report(1.0 - number / 12, epoch)
            if trial.should_prune():
                pruned += 1
                break
        study.tell(
            trial, state=TrialState.PRUNED if epoch < 9 else TrialState.COMPLETE, values=None if epoch < 9 else 1
        )
    assert pruned >= 6


def test_where_a_study_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert storage_url(None, Path("sweep")) == f"sqlite:///{tmp_path}/sweep/study.db"
    assert storage_url("sqlite:///all.db", Path("sweep")) == f"sqlite:///{tmp_path}/all.db"
    assert storage_url("all.log", Path("sweep")) == f"{tmp_path}/all.log"
    assert storage_url("mysql://a@b/c", Path("sweep")) == "mysql://a@b/c"
    journal = storage_url("all.log", Path())
    study = open_study("s", journal, "max", SearchConfig(**SEARCH), SETTINGS)
    study.tell(study.ask(SPACE), 1.0)
    again = open_study("s", journal, "max", SearchConfig(**SEARCH), SETTINGS)
    assert [trial.value for trial in again.trials] == [1.0]
    assert again.direction.name == "MAXIMIZE"


def test_a_storage_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/none/x.db", "nothing://x", f"{tmp_path}/none/x.log"):
        with pytest.raises(ConfigError, match=r"sweep\.storage: cannot open .*give sqlite:///<file>"):
            open_storage(url)


def test_two_workers_that_make_a_database_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that comes second finds half of the tables, and waits a little."""
    from sqlalchemy.exc import IntegrityError

    errors = [IntegrityError("insert", {}, Exception("UNIQUE constraint failed")), ValueError("table x already exists")]
    opened = optuna_storage._open

    def late(url: str) -> Any:
        if errors:
            raise errors.pop()
        return opened(url)

    monkeypatch.setattr(optuna_storage, "_open", late)
    monkeypatch.setattr(optuna_storage, "PAUSE", 0.0)
    assert isinstance(open_storage(f"sqlite:///{tmp_path}/x.db"), optuna.storages.RDBStorage)
    assert errors == []


def test_without_optuna_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studies.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'segexp\[search\]'"):
        require_optuna()
