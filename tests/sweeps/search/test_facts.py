"""What several commands that share a study must have in common."""

import optuna
import pytest

from segexp.config.experiment import Experiment
from segexp.errors import ConfigError
from segexp.sweeps.search.facts import SHOWN, keep_or_compare, refuse_incomparable
from segexp.sweeps.search.space import read_space
from tests.sweeps.made import experiment

SPACE = read_space(["rate=log(1e-4,1)", "model=cunet,unet"])


def corners(**changes: object) -> list[Experiment]:
    base = {"monitor": "val/miou", "table": {0: 0, 255: 1}, **changes}
    return [experiment(rate=1e-4, model={"width": 8}, **base), experiment(rate=1.0, model={"width": 9}, **base)]


def used() -> optuna.Study:
    """A study with a trial."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(study_name="s")
    keep_or_compare(study, SPACE, corners())
    study.ask()
    return study


def test_the_same_search_may_join_from_elsewhere() -> None:
    study = used()
    assert study.user_attrs["monitor"] == "val/miou"
    assert study.user_attrs["ranges"] == ["model: cunet,unet", "rate: log(0.0001,1)"]
    # Of the second corner only what differs.
    assert study.user_attrs["configs"][1] == {"rate": 1.0, "model.width": 9}
    keep_or_compare(study, SPACE, corners())
    keep_or_compare(
        study,
        SPACE,
        corners(output_dir="there", datamodule={"root": "there", "seed": 0}, trainer={"accelerator": "gpu"}),
    )


def test_another_search_is_refused_with_the_difference() -> None:
    with pytest.raises(ConfigError) as caught:
        keep_or_compare(used(), SPACE, corners(seed=1, datamodule={"root": "here", "seed": 1}))
    assert str(caught.value).splitlines() == [
        "sweep.study: s has trials of another search; use another name or its settings",
        "  datamodule.seed: 0 in the study, 1 now",
        "  seed: 0 in the study, 1 now",
    ]
    with pytest.raises(ConfigError, match="monitor: 'val/miou' in the study, 'val/mdice' in the command"):
        keep_or_compare(used(), SPACE, corners(monitor="val/mdice"))
    with pytest.raises(ConfigError, match=r"ranges: .*rate: log\(0\.0001,1\)'\] in the study, .*interval\(0\.0001,1\)"):
        keep_or_compare(used(), read_space(["rate=interval(1e-4,1)", "model=cunet,unet"]), corners())
    with pytest.raises(ConfigError) as caught:
        keep_or_compare(used(), SPACE, corners(many={f"k{n}": n for n in range(SHOWN + 3)}))
    assert str(caught.value).splitlines()[-1] == "  ... 3 more"


def test_a_study_without_trials_takes_what_comes() -> None:
    study = optuna.create_study()
    keep_or_compare(study, SPACE, corners())
    keep_or_compare(study, SPACE, corners(seed=1))
    assert study.user_attrs["configs"][0]["seed"] == 1


def test_the_loss_is_not_searched_by_its_own_value() -> None:
    for words in (["loss=bce,dice"], ["loss.weight=log(0.1,10)"]):
        for monitor in ("val/loss", "val/loss/dice"):
            with pytest.raises(ConfigError, match="values of different losses cannot be compared"):
                refuse_incomparable(read_space(words), monitor)
        refuse_incomparable(read_space(words), "val/miou")
    refuse_incomparable(SPACE, "val/loss")
