"""What a task takes and what data sets, models and losses give, read from their source, without torch."""

import ast
from dataclasses import dataclass

from segexp.config.lineage import Definition, ancestors, definition, is_below, named
from segexp.config.signatures.declared_figures import bound
from segexp.spec import TARGETS, MaskTarget, Target

_BY_NAME = {f"{each.__module__}.{each.__qualname__}": each.form for each in TARGETS}
_ANY = f"{Target.__module__}.{Target.__qualname__}"
SEGMENTATION_LOSS = "segexp.losses.base.SegmentationLoss"
"""Class of the losses that compare the classes of pixels."""


@dataclass(frozen=True)
class TaskNeeds:
    """What a task says of its parts, in attributes of its class, see :class:`segexp.tasks.base.BaseTask`.

    Attributes:
        target_forms: Forms of targets that it learns from; empty: any.
        model_form: Form of the outputs that a model gives it; None: any.
        loss_class: Dotted name of the class of its losses; None where the source does not tell.
        unfit_loss: Dotted name of the class of losses that it cannot use; None: none.
        takes_measures: Whether the costly measures of masks are taken.
    """

    target_forms: tuple[str, ...]
    model_form: str | None
    loss_class: str | None
    unfit_loss: str | None
    takes_measures: bool


def task_needs(target: str) -> TaskNeeds | None:
    """What the class of a task needs; None where no source says what it is."""
    found = definition(target)
    if found is None or not found.is_class:
        return None
    forms, gives = _literal(_attribute(found, "target_forms")), _literal(_attribute(found, "model_form"))
    return TaskNeeds(
        tuple(forms) if isinstance(forms, tuple) else (),
        gives if isinstance(gives, str) else None,
        _class_of(_attribute(found, "loss_class")),
        _class_of(_attribute(found, "unfit_loss")),
        _literal(_attribute(found, "takes_measures")) is True,
    )


def data_form(target: str) -> str | None:
    """The form of the targets of a data set, by the class that its method ``target`` says to give.

    Args:
        target: Dotted name of the class of the data set.

    Returns:
        ``mask``, ``label`` or ``image``; None where the source does not tell.
    """
    found = definition(target)
    for each in ancestors(found) if found is not None else ():
        for node in each.node.body:
            if isinstance(node, ast.FunctionDef) and node.name == "target":
                result = None if node.returns is None else named(node.returns, each.module)
                dotted = None if result is None else result.dotted
                # What the base of all data sets gives where none says otherwise.
                is_usual = dotted == _ANY and each.module.startswith("segexp.data.")
                return MaskTarget.form if is_usual else _BY_NAME.get(str(dotted))
    return None


def model_form(target: str) -> str | None:
    """The form of the outputs of a model: its attribute ``form``, and of segexp's own models else a mask.

    Args:
        target: Dotted name of the class of the model.

    Returns:
        ``mask``: for every pixel; ``label`` or ``value``: of whole images; None where the source does not tell.
    """
    found = definition(target)
    if found is None or not found.is_class:
        return None
    own = _literal(_attribute(found, "form"))
    usual = MaskTarget.form if found.module.startswith("segexp.models.") else None
    return own if isinstance(own, str) else usual


def fits_loss(needs: TaskNeeds, target: str) -> bool:
    """Tells whether a loss is one of the task's, as far as source tells.

    Args:
        needs: Of the task.
        target: Dotted name of the class of the loss; one that is none of pixels is wrapped, or is one of images.
    """
    found = None if target.startswith("torch.") else definition(target)
    if found is None or not found.is_class or needs.loss_class is None:
        return True
    if needs.unfit_loss is not None and is_below(found, frozenset((needs.unfit_loss,))):
        return False
    return not is_below(found, frozenset((SEGMENTATION_LOSS,))) or is_below(found, frozenset((needs.loss_class,)))


Given = tuple[ast.expr, str]
"""A value as it is written, and the module whose names it uses."""


def _attribute(found: Definition, name: str) -> Given | None:
    """An attribute of a class, or of the nearest one above it that has it."""
    for each in ancestors(found):
        if name in (given := dict(bound(each.node))):
            return given[name], each.module
        bases = getattr(each.node, "bases", [])
        if each.module.startswith("segexp.") and not any(isinstance(base, ast.Name) for base in bases):
            # Above it is PyTorch alone, whose files are long and name nothing of this.
            return None
    return None


def _literal(given: Given | None) -> object:
    """The value that is written out; None where there is none."""
    try:
        return None if given is None else ast.literal_eval(given[0])
    except ValueError:
        return None


def _class_of(given: Given | None) -> str | None:
    found = None if given is None else named(*given)
    return None if found is None else found.dotted
