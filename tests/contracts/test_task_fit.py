"""All combinations of task, data set, model and loss in conf/: refused by the task's name, or parts that go together.

What the check reads from source is compared with the classes themselves, so that a new YAML is found by itself.
"""

from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from hydra.utils import get_class

from segexp.config.checks.task_fit import check_task_fit, task_name, tasks_of, usual_option
from segexp.config.overrides.groups import groups
from segexp.config.paths import conf_dir
from segexp.config.signatures.part_forms import data_form, fits_loss, model_form, task_needs
from segexp.errors import ConfigError
from segexp.invocation import Invocation
from segexp.losses.base import SegmentationLoss
from segexp.models.classifier import is_classifier


def targets(group: str) -> dict[str, str]:
    """Dotted class names by option; that of ``lightning`` is the user's."""
    trees = {
        each.name: yaml.safe_load((conf_dir() / group / f"{each.name}.yaml").read_text(encoding="utf-8"))
        for each in groups()[group]
    }
    found = {name: str((tree.get(group) or tree).get("_target_")) for name, tree in trees.items()}
    # unet_small and the like have no class of their own: they begin with another YAML.
    return {name: target for name, target in found.items() if "." in target}


TASKS, DATA, MODELS, LOSSES = map(targets, ("task", "datamodule", "model", "loss"))


def refusal(task: str, **options: str) -> str:
    """Answer to parts that are named; the others are the task's own."""
    chosen = {"datamodule": "", "model": usual_option("model", TASKS[task]), "loss": usual_option("loss", TASKS[task])}
    chosen |= {"task": task, **options}
    every: Mapping[str, Mapping[str, str]] = {"task": TASKS, "datamodule": DATA, "model": MODELS, "loss": LOSSES}
    config: dict[str, Any] = {group: {"_target_": every[group].get(str(name))} for group, name in chosen.items()}
    try:
        check_task_fit(config, Invocation(choices={group: str(name) for group, name in chosen.items()}))
    except ConfigError as error:
        return str(error)
    return ""


def test_conf_has_parts_of_each_kind() -> None:
    assert {"segmentation", "classification", "reconstruction"} == set(TASKS)
    assert {data_form(target) for target in DATA.values()} == {"mask", "label", "image"}
    assert {model_form(target) for target in MODELS.values()} == {"mask", "label", "image"}


@pytest.mark.parametrize("name", DATA)
def test_data_are_taken_by_the_tasks_that_they_are_for(name: str) -> None:
    form, made = data_form(DATA[name]), get_class(DATA[name]).target.__annotations__["return"]
    assert form == ("mask" if made.__name__ == "Target" else made.form)
    for task, target in TASKS.items():
        takes = get_class(target).target_forms
        told = refusal(task, datamodule=name)
        assert bool(told) == bool(takes and form not in takes), told
        if told:
            other = tasks_of(str(form))[0]
            assert told.startswith(f"task={task} needs ")
            assert told.endswith(f"add {other}")
            # The line that is proposed is taken.
            assert refusal(other.partition("=")[2], datamodule=name) == ""


@pytest.mark.parametrize("name", MODELS)
def test_models_are_taken_by_the_tasks_that_they_are_for(name: str) -> None:
    of_images = is_classifier(get_class(MODELS[name]))
    comes_back = getattr(get_class(MODELS[name]), "form", None) == "image"
    assert (model_form(MODELS[name]) == "label") == of_images
    for task, target in TASKS.items():
        told = refusal(task, model=name)
        fits = task == "reconstruction" if comes_back else of_images == (get_class(target).model_form == "label")
        assert bool(told) != fits, told
        if told:
            found = "is an autoencoder" if comes_back else "gives outputs for "
            assert told.startswith(f"model={name} {found}")
            assert f"task={task} needs " in told
            assert f": use model={usual_option('model', target)}" in told
            own = "reconstruction" if comes_back else "classification" if of_images else None
            assert own is None or f"; to train model={name} add task={own}" in told
            # The line that is proposed is taken.
            assert own is None or refusal(own, model=name, datamodule="image_folder" if of_images else "images") == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "add task=classification datamodule=image_folder datamodule.root=<folder>"),
        (["datamodule=drive"], "add task=classification and write datamodule=image_folder datamodule.root=<folder>"),
        (["task=segmentation"], "write task=classification and add datamodule=image_folder datamodule.root=<folder>"),
    ],
)
def test_a_classifier_of_a_segmentation_is_answered_with_its_encoder_and_its_task(words: list[str], told: str) -> None:
    target, model = TASKS["segmentation"], {"_target_": MODELS["resnet34"], "encoder": "resnet34"}
    config = {"task": {"_target_": target}, "datamodule": {"_target_": DATA["synthetic"]}, "model": model, "loss": {}}
    typed = Invocation(choices={"model": "resnet34"}, command=["segexp", "train", "model=resnet34", *words])
    with pytest.raises(ConfigError) as error:
        check_task_fit(config, typed)
    assert str(error.value) == (
        "model=resnet34 gives outputs for whole images, task=segmentation needs them for every pixel: use model=cunet, "
        "or model=deeplabv3_resnet101 model.encoder=resnet34 with that encoder; to train model=resnet34 " + told
    )
    deeplab = {"_target_": MODELS["deeplabv3_resnet101"], "encoder": "resnet34"}
    check_task_fit({**config, "model": deeplab}, Invocation())


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_taken_by_the_tasks_that_they_are_for(name: str) -> None:
    kind = get_class(LOSSES[name])
    for task, target in TASKS.items():
        made = get_class(target)
        unfit = made.unfit_loss is not None and issubclass(kind, made.unfit_loss)
        fits = not unfit and (not issubclass(kind, SegmentationLoss) or issubclass(kind, made.loss_class))
        told = refusal(task, loss=name)
        assert bool(told) != fits, told
        if told:
            assert told.startswith(f"loss={name} ")
            assert told.endswith(f"task={task} takes no such loss: use loss={usual_option('loss', target)}")


@pytest.mark.parametrize("name", TASKS)
def test_what_a_task_needs_is_read_as_its_class_has_it(name: str) -> None:
    kind, found = get_class(TASKS[name]), task_needs(TASKS[name])
    assert found is not None
    assert (found.target_forms, found.model_form) == (kind.target_forms, kind.model_form)
    assert found.takes_measures == kind.takes_measures
    for read, made in ((found.loss_class, kind.loss_class), (found.unfit_loss, kind.unfit_loss)):
        assert made is None if read is None else get_class(read) is made or made.__module__.startswith("torch.")
    assert task_name(TASKS[name]) == f"task={name}"


def test_what_no_source_tells_is_left_to_the_building_of_parts() -> None:
    needs = task_needs(TASKS["classification"])
    assert needs is not None
    assert (data_form("nowhere.Data"), model_form("torchvision.models.resnet18"), task_needs("nowhere.Task")) == (
        None, None, None,
    )  # fmt: skip
    assert fits_loss(needs, "torch.nn.MSELoss")
    assert fits_loss(needs, "nowhere.Loss")
