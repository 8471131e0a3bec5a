"""Jobs of a sweep: labels, keys, and what is refused before anything is written."""

from dataclasses import replace
from pathlib import Path

import pytest

from segexp.config.experiment import Experiment
from segexp.errors import ConfigError
from segexp.invocation import Invocation
from segexp.sweeps.plan import Plan, config_key, list_varying_overrides, multirun_folder
from tests.sweeps.made import SECTION, experiment, planned, seeds


def test_labels_and_folders_name_what_differs() -> None:
    jobs = planned(
        ["model=cunet", "optimizer.lr=1e-3", "seed=0", "panels=0"],
        ["model=cunet", "optimizer.lr=1e-3", "seed=1", "panels=0"],
        ["model=unet", "+metric.x=[a,b]", "seed=2", "panels=0"],
    )
    assert [job.number for job in jobs] == [0, 1, 2]
    assert [job.label for job in jobs] == [
        "model=cunet optimizer.lr=1e-3 seed=0",
        "model=cunet optimizer.lr=1e-3 seed=1",
        "model=unet +metric.x=[a,b] seed=2",
    ]
    assert [job.folder for job in jobs] == [
        "000_model-cunet_lr-1e-3_seed-0",
        "001_model-cunet_lr-1e-3_seed-1",
        "002_model-unet_x--a-b_seed-2",
    ]


def test_a_long_label_makes_no_long_folder_and_a_single_job_has_all_its_overrides() -> None:
    (job,) = planned([f"datamodule.root=/data/{'x' * 300}", "seed=1"])
    assert len(job.folder) == 100
    assert "/" not in job.folder
    assert list_varying_overrides([["a=1", "b=2"]]) == ["a=1 b=2"]
    assert list_varying_overrides([["a=1"], ["a=1"]]) == ["", ""]


def test_the_key_does_not_depend_on_places_and_on_the_sweep() -> None:
    key = config_key(experiment())
    assert len(key) == 16
    assert config_key(experiment(output_dir="elsewhere", debug=True, sweep={**SECTION, "jobs": 7})) == key
    assert config_key(experiment(seed=1)) != key
    assert config_key(experiment(datamodule={"seed": 0, "root": "here"})) == key


def test_keys_of_the_sweep_are_no_overrides_of_a_job() -> None:
    jobs = planned(["sweep.jobs=2", "seed=0", "sweep=grid"], ["+sweep.gpus=[0]", "seed=1"])
    assert [job.experiment.invocation.overrides for job in jobs] == [("seed=0",), ("seed=1",)]


def test_the_same_experiment_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"jobs 0 \(seed=1\) and 2 \(seed=1\) are the same experiment"):
        planned(["seed=1"], ["seed=2"], ["seed=1"])


def test_a_problem_is_told_once_with_the_jobs_that_have_it() -> None:
    def wrong(text: str) -> Experiment:
        raise ConfigError(text)

    plan = Plan()
    plan.add(lambda: wrong("model.base: found 'x'"), Invocation(overrides=("model.base=x", "seed=0")))
    plan.add(experiment, Invocation(overrides=("model.base=4", "seed=0")))
    plan.add(lambda: wrong("model.base: found 'x'"), Invocation(overrides=("model.base=x", "seed=1")))
    assert len(plan) == 3
    with pytest.raises(ConfigError) as caught:
        plan.jobs()
    assert str(caught.value).splitlines() == [
        "model.base: found 'x'",
        "  in the job model.base=x seed=0 and 1 more; no job was started",
    ]


def test_one_place_and_one_way_for_the_whole_sweep() -> None:
    plan = Plan()
    plan.add(lambda: experiment(seed=0), Invocation())
    plan.add(lambda: experiment(seed=1, output_dir="b"), Invocation())
    with pytest.raises(ConfigError, match="output_dir: found several values"):
        plan.jobs()
    assert len(seeds(0, 1)) == 2


def test_a_sweep_lies_where_its_name_says() -> None:
    assert multirun_folder(planned(["seed=0"], ["seed=1"])).name == "multirun"
    jobs = planned(["seed=0"], ["seed=1"], name="ablation")
    assert multirun_folder(jobs) == Path("outputs") / "ablation"
    other = replace(jobs[1], experiment=replace(jobs[1].experiment, name="other"))
    assert multirun_folder([jobs[0], other]).name == "multirun"
