"""Does something with many files at a time, and gathers what goes wrong with each."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from segexp.data.checks.problems import Problem, problem_of
from segexp.errors import SizeError, UnreadableError, UserError
from segexp.runs.console import progress

T = TypeVar("T")
R = TypeVar("R")

READERS = 4
"""Files decoded at a time: the decoders of OpenCV and Pillow let other threads run."""


def process_files(
    things: Sequence[T], name: Callable[[T], str], do: Callable[[T], R], leaves_out: Callable[[str, UserError], bool]
) -> tuple[dict[str, R], list[Problem]]:
    """Does something with all files.

    Args:
        things: The files, or what has them.
        name: What each is called.
        do: Raises UserError where a file cannot be used.
        leaves_out: Whether such a file is left out, by its name and the error; else it is a problem.

    Returns:
        What was made of each, by name, and problems.
    """
    with ThreadPoolExecutor(READERS) as pool:
        results = list(progress(pool.map(lambda thing: attempt(do, thing), things), len(things), "reading files"))
    done: dict[str, R] = {}
    problems = []
    for thing, result in zip(things, results, strict=True):
        if not isinstance(result, UserError):
            done[name(thing)] = result
        elif not leaves_out(name(thing), result):
            problems.append(_with_advice(problem_of(result)))
    return done, problems


_ADVICE = (
    (SizeError, "; save it at that size, or leave both out: datamodule.on_bad=skip"),
    (UnreadableError, ", or leave it out: datamodule.on_bad=skip"),
)
"""What was left out is noted without it, so it is no part of the error."""


def _with_advice(problem: Problem) -> Problem:
    """Says what to write where a mask and its image are of different sizes, or a file cannot be read."""
    advice = next((text for kind, text in _ADVICE if isinstance(problem.error, kind)), "")
    return replace(problem, text=problem.text + advice)


def attempt(do: Callable[[T], R], thing: T) -> R | UserError:
    """Does something with one file; gives the error where it cannot be used."""
    try:
        return do(thing)
    except UserError as error:
        return error
