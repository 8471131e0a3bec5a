"""What is amiss with a data set: gathered first, so that one error names it all."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from segexp.errors import (
    ConfigError,
    DataError,
    LabelError,
    MismatchError,
    PlaceError,
    SegexpError,
    SizeError,
    UnreadableError,
)

Kind = Literal[
    "folders and files",
    "split",
    "unreadable files",
    "sizes",
    "places",
    "channels and types",
    "labels",
    "duplicates",
    "near-duplicates",
    "classes",
    "crops and batches",
    "augmentation",
    "loader",
    "model, loss and measures",
    "memory and disk",
]
MOST = 20
"""Lines of one kind in an error; the check command names them all."""
CHECK = "python -m segexp check"


_FILES = ("images", "masks", "valid", "root", "split_by", "group", "stratum", "table", "table_key", "parts", "cities")
_LABELS = ("mask_values", "mask_reading", "classes", "ignored", "colours")
_KEYS: dict[Kind, tuple[str, ...]] = {
    "folders and files": tuple(f"datamodule.{key}:" for key in _FILES),
    "labels": tuple(f"datamodule.{key}:" for key in _LABELS),
    "split": tuple(f"datamodule.{key}:" for key in ("split", "fold", "folds", "split_file")),
    "augmentation": ("augment",),
}
"""What sort of thing is amiss where a key of the config is at fault; other keys are of crops and batches."""


@dataclass(frozen=True)
class Problem:
    """One thing that is amiss.

    Attributes:
        kind: What sort of thing; errors are grouped by it.
        text: File or key, what was found, what was expected, what to do.
        fatal: Whether training would refuse; False: worth knowing.
        error: The error that it is by itself.
    """

    kind: Kind
    text: str
    fatal: bool = True
    error: SegexpError | None = None


def problem_of(error: SegexpError, *, fatal: bool = True, kind: Kind | None = None) -> Problem:
    """The problem that an error tells of."""
    return Problem(kind or _kind_of(error), str(error), fatal, error)


def _kind_of(error: SegexpError) -> Kind:
    if isinstance(error, UnreadableError):
        return "unreadable files"
    if isinstance(error, SizeError):
        return "sizes"
    if isinstance(error, PlaceError):
        return "places"
    if isinstance(error, LabelError):
        return "labels"
    if isinstance(error, ConfigError):
        return next((kind for kind, keys in _KEYS.items() if str(error).startswith(keys)), "crops and batches")
    return "crops and batches" if isinstance(error, MismatchError) else "unreadable files"


def refuse(problems: Iterable[Problem]) -> None:
    """Raises one error for all that training cannot go on with; nothing where there is none.

    Raises:
        UserError: One line for each problem; of the class of the only one, else a DataError.
    """
    fatal = [problem for problem in problems if problem.fatal]
    if not fatal:
        return
    classes = {type(problem.error) for problem in fatal if problem.error is not None} or {DataError}
    made = classes.pop() if len(classes) == 1 else DataError
    raise made("\n".join(list_lines(fatal)))


def list_lines(problems: Sequence[Problem], most: int | None = MOST) -> list[str]:
    """A line for each problem, those of a kind together, and for masks with illegal values the line that mends all."""
    listed = []
    for kind, count in Counter(problem.kind for problem in problems).items():
        of_kind = [problem for problem in problems if problem.kind == kind]
        listed += [problem.text for problem in of_kind[:most]]
        if most is not None and count > most:
            listed.append(
                f"  ... and {count - most} more of this kind ({kind}); all of them: {CHECK} with the same keys"
            )
        if kind == "labels" and (line := propose_line_for_all(of_kind)) is not None:
            listed.append(f"  for all of these masks, if the values are meant: {line}")
    return listed


def propose_line_for_all(problems: Sequence[Problem]) -> str | None:
    """Proposes the line that makes the values of all masks legal; None: no masks differ in their illegal values."""
    errors = [problem.error for problem in problems if isinstance(problem.error, LabelError)]
    mendable = [(error.illegal, error.proposal) for error in errors if error.proposal is not None]
    if len({illegal for illegal, _ in mendable}) < 2:
        return None
    return mendable[0][1](sorted(frozenset().union(*(illegal for illegal, _ in mendable))))
