"""What a part promises, tried on made-up pixels: kept, broken with the reason, or excused by the part itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from segexp.errors import UserError, one_line

Case = TypeVar("Case")


class ContractError(UserError):
    """A part breaks what it promises."""


class NotTriedError(Exception):
    """A promise cannot be tried here, for example because an optional package is missing; the text says why."""


@dataclass(frozen=True)
class Promise(Generic[Case]):
    """One thing that every part of a kind does.

    Attributes:
        name: By which a part excuses itself in its ``exceptions``.
        meaning: What is promised, in words.
        check: Tries it; raises :class:`ContractError`, or whatever the part raises, where it is broken.
    """

    name: str
    meaning: str
    check: Callable[[Case], None]


@dataclass(frozen=True)
class PromiseResult:
    """Result of trying one promise.

    Attributes:
        name: Of the promise.
        meaning: What is promised.
        state: ``excused`` by an exception that the part declares; ``not tried`` where that cannot be done here.
        reason: What is wrong, why it is excused or not tried; empty where the promise is kept.
    """

    name: str
    meaning: str
    state: Literal["kept", "broken", "excused", "not tried"]
    reason: str = ""


def require(kept: bool, found: str, expected: str, advice: str = "") -> None:
    """Goes on where a condition holds.

    Raises:
        ContractError: It does not; the text names what was found, what was expected, and what to do.
    """
    if not kept:
        raise ContractError(f"found {found}, expected {expected}" + (f"; {advice}" if advice else ""))


def outcome(
    promise: Promise[Case], cases: Sequence[Case], exceptions: Mapping[str, str], *, needed: bool = True
) -> PromiseResult:
    """Tries a promise on some cases of one part, such as two and three classes.

    Args:
        promise: What is tried.
        cases: On what; one at least.
        exceptions: Names of promises that the part does not keep, each with the reason.
        needed: Whether an exception that nothing shows to be needed is a broken promise itself.
    """
    reason = exceptions.get(promise.name)
    try:
        found = next((broken for case in cases if (broken := _broken(promise, case)) is not None), None)
    except NotTriedError as error:
        return PromiseResult(promise.name, promise.meaning, "not tried", str(error))
    if reason is not None and (found is not None or not needed):
        return PromiseResult(promise.name, promise.meaning, "excused", reason)
    if reason is not None:
        found = f"it is kept, so that its exception ({reason}) says what is not so; take it out of exceptions"
    return PromiseResult(promise.name, promise.meaning, "kept" if found is None else "broken", found or "")


def _broken(promise: Promise[Case], case: Case) -> str | None:
    try:
        promise.check(case)
    except NotTriedError:
        raise
    except ContractError as error:
        return str(error)
    except Exception as error:  # a part may raise anything
        return f"it raises {one_line(error)}"
    return None
