"""Whether data set, model, loss and measures are the task's, before torch: the first answer names the task.

What each takes and gives is read from its class, see :mod:`segexp.config.signatures.part_forms`; what no source tells
is found when the parts are built.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, get_args

import yaml

from segexp.config.overrides.groups import groups
from segexp.config.overrides.recompose import key_of
from segexp.config.paths import conf_dir
from segexp.config.signatures.part_forms import TaskNeeds, data_form, fits_loss, model_form, task_needs
from segexp.config.signatures.signature import signature
from segexp.config.signatures.torch_metrics import is_torch_metric
from segexp.errors import ConfigError
from segexp.invocation import Invocation
from segexp.spec import DataSpec

GIVES = {
    "mask": "a mask for every image",
    "label": "a class for every image",
    "image": "images alone",
    "value": "a number for every image",
}
"""Form of a target -> what a data set has."""
_DATA = {
    "mask": "datamodule=folder datamodule.root=<folder>",
    "label": "datamodule=image_folder datamodule.root=<folder>",
}
_OUTPUTS = {"mask": "for every pixel", "label": "for whole images", "value": "for whole images"}
_IMAGE = "image"
"""Form of the outputs of an autoencoder."""
_OWN_TASK = {"label": "classification", _IMAGE: "reconstruction"}
"""Form of the outputs of a model -> segexp's task that trains it, where it is not the usual one."""
Block = Mapping[str, Any]


def check_task_fit(config: Block, invocation: Invocation) -> None:
    """Compares the parts of a training with its task, as far as their source tells.

    Args:
        config: Of a training, checked key by key.
        invocation: With the options chosen, by whose names parts are told.

    Raises:
        ConfigError: The data are for another task, of which alone is told then; or a line for each other part.
    """
    task = config.get("task") or {}
    needs = task_needs(str(task.get("_target_")))
    if needs is None:
        return
    typed = {key_of(word) for word in invocation.command if "=" in word and not word.startswith("-")}
    named = _Names(config, invocation, typed)
    problem = _of_data(config, needs, named)
    problems = [problem] if problem is not None else [*_of_parts(config, needs, named)]
    if problems:
        raise ConfigError("\n".join(problems))


class _Names:
    """What parts are called on the command line: by their options, or by a class of the user's."""

    def __init__(self, config: Block, invocation: Invocation, typed: set[str]) -> None:
        self._config, self._choices, self.typed = config, invocation.choices, typed

    def of(self, group: str) -> str:
        """``model=unet``, or ``model._target_=my.Net``."""
        option = self._choices.get(group)
        if option in (None, "None") or f"{group}._target_" in self.typed:
            return f"{group}._target_={self._config[group].get('_target_')}"
        return f"{group}={option}"

    def encoder(self) -> str | None:
        """The encoder that the model says to have."""
        found = self._config["model"].get("encoder")
        return found if isinstance(found, str) else None


def _of_data(config: Block, needs: TaskNeeds, names: _Names) -> str | None:
    """The problem of data for another task."""
    form = data_form(str(config["datamodule"].get("_target_")))
    if form is None or not needs.target_forms or form in needs.target_forms:
        return None
    data, task = names.of("datamodule"), task_name(str(config["task"]["_target_"]))
    wanted = needs.target_forms[0]
    found = f"{task} needs {GIVES.get(wanted, wanted)}, {data} has {GIVES[form]}"
    others = tasks_of(form)
    way = f"these data are for {_either(others)}: {_put('task', others[0], names)}"
    other = _DATA.get(wanted)
    if "task" in names.typed and other is not None:
        choose = f"choose other data: {_put('datamodule', other, names)}"
        return f"{found}; {choose}" if "datamodule" not in names.typed else f"{found}; {way}; or {choose}"
    return f"{found}; {way}"


def _put(group: str, words: str, names: _Names) -> str:
    """``add task=x``, or ``write task=x`` where another one was typed."""
    return f"{'write' if group in names.typed else 'add'} {words}"


def _either(tasks: Sequence[str]) -> str:
    """``task=classification (or task=reconstruction)``."""
    return tasks[0] + (f" (or {' or '.join(tasks[1:])})" if tasks[1:] else "")


def _of_parts(config: Block, needs: TaskNeeds, names: _Names) -> Iterator[str]:
    """Problems of a model, a loss and measures for another task."""
    target = str(config["task"]["_target_"])
    task = task_name(target)
    gives = model_form(str((config.get("model") or {}).get("_target_")))
    if unfit_model(needs, gives):
        yield f"{names.of('model')} {_unlike(needs, str(gives), task)}: {_instead_of_model(target, str(gives), names)}"
    if not fits_loss(needs, str((config.get("loss") or {}).get("_target_"))):
        what = "compares the classes of pixels" if needs.unfit_loss else "is of the regions of masks"
        yield f"{names.of('loss')} {what}, {task} takes no such loss: {_instead('loss', target)}"
    if not needs.takes_measures and "metric" in names.typed:
        for name, block in (config.get("metric") or {}).items():
            if not is_torch_metric(block):
                yield f"metric={name} is a measure of masks, {task} has none: leave it out"


def fits_task(group: str, target: str, task: str) -> bool:
    """Tells whether a model or a loss is one of a task's, as far as their source tells.

    Args:
        group: ``model`` or ``loss``; of any other group all are.
        target: Dotted name of the class.
        task: That of the task.
    """
    needs = task_needs(task)
    if needs is None:
        return True
    if group == "model":
        return not unfit_model(needs, model_form(target))
    return group != "loss" or fits_loss(needs, target)


def unfit_model(needs: TaskNeeds, gives: str | None) -> bool:
    """Tells whether outputs of a form are none that a task takes; None: it is not known of what form they are."""
    if gives == _IMAGE:
        # Images that come back are pixels too, but no classes.
        return bool(needs.target_forms) and _IMAGE not in needs.target_forms
    return gives is not None and needs.model_form is not None and (gives == "mask") != (needs.model_form == "mask")


def _unlike(needs: TaskNeeds, gives: str, task: str) -> str:
    if gives == _IMAGE:
        return f"is an autoencoder, which gives the image back, {task} needs {GIVES[needs.target_forms[0]]}"
    return f"gives outputs {_OUTPUTS[gives]}, {task} needs them {_OUTPUTS[str(needs.model_form)]}"


def _instead_of_model(task: str, gives: str, names: _Names) -> str:
    """What to use in a task, with the same encoder where a model has it, and the words that train the one chosen."""
    instead = _instead("model", task)
    encoder = names.encoder()
    if encoder is not None and (same := _with_encoder(encoder, task)) is not None:
        instead += f", or {same} with that encoder"
    own = _OWN_TASK.get(gives)
    if own is None:
        return instead
    words = _put("task", f"task={own}", names)
    if gives in _DATA:
        data = _put("datamodule", _DATA[gives], names)
        words += f" {_DATA[gives]}" if data.split()[0] == words.split()[0] else f" and {data}"
    return f"{instead}; to train {names.of('model')} {words}"


def _with_encoder(encoder: str, task: str) -> str | None:
    """Words that choose the first model of a task that can have an encoder; one that needs an extra is none."""
    for option in groups()["model"]:
        block = _yaml(conf_dir() / "model" / f"{option.name}.yaml")
        known = signature(_target(block)) if "encoder" in block and fits_task("model", _target(block), task) else None
        if known is not None and encoder in get_args(known.parameters["encoder"].annotation):
            return f"model={option.name} model.encoder={encoder}"
    return None


def _instead(group: str, task: str) -> str:
    """``use model=resnet18``, the usual option of the task; of a task of the user's, ``choose another one``."""
    usual = usual_option(group, task)
    return f"use {group}={usual}" if usual is not None else "choose another one"


def unfit_target(task: str, forms: Sequence[str], spec: DataSpec) -> str:
    """The line for data whose targets turn out to be of a form that a task does not learn from.

    Args:
        task: Dotted name of its class.
        forms: Those that it learns from.
        spec: Of the data.
    """
    found = f"{task_name(task)} needs {GIVES.get(forms[0], forms[0])}, the data has targets of kind {spec.kind}"
    others = tasks_of(spec.target.form)
    return (
        f"{found}; these data are for {_either(others)}: choose {others[0]}" if others else f"{found}; use another task"
    )


def task_name(target: str) -> str:
    """``task=segmentation`` for the class of one of segexp's tasks, else the class."""
    found = next((name for name, block in _tasks().items() if _target(block) == target), None)
    return f"task={found}" if found is not None else f"task._target_={target}"


def tasks_of(form: str) -> list[str]:
    """Words that choose segexp's tasks which learn from targets of a form, the closest first."""
    found = {name: needs for name, block in _tasks().items() if (needs := task_needs(_target(block))) is not None}
    fitting = [name for name, needs in found.items() if not needs.target_forms or form in needs.target_forms]
    return [f"task={name}" for name in sorted(fitting, key=lambda name: not found[name].target_forms)]


def usual_option(group: str, task: str) -> str | None:
    """The option of a group that the YAML of a task chooses, or that a training has by itself."""
    for block in _tasks().values():
        if _target(block) == task:
            return _default(block, f"override /{group}") or _default(_yaml(conf_dir() / "train.yaml"), group)
    return None


def _default(tree: Block, key: str) -> str | None:
    """What a defaults list says of a group."""
    entries = [entry for entry in tree.get("defaults", ()) if isinstance(entry, dict)]
    return next((str(entry[key]) for entry in entries if entry.get(key) is not None), None)


@cache
def _tasks() -> dict[str, Block]:
    """Trees of segexp's tasks by their names."""
    names = [option.name for option in groups()["task"]]
    return {name: _yaml(conf_dir() / "task" / f"{name}.yaml") for name in names}


def _target(tree: Block) -> str:
    return str((tree.get("task") or tree).get("_target_"))


def _yaml(path: Path) -> dict[str, Any]:
    tree: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tree
