"""The nearest valid name for a mistyped one."""

import difflib
from collections.abc import Iterable


def nearest(word: str, valid: Iterable[str]) -> str | None:
    """The valid name that looks most like ``word``, or None when none is close.

    Dotted keys are compared by their last part, first with keys of the same block, then with all: ``model.bas`` and
    ``bas`` find ``model.base``. Only then whole keys are compared, since a long block name makes any two look alike.
    """
    names = list(valid)
    block, _, last = word.rpartition(".")
    same_block = [name for name in names if name.rpartition(".")[0] == block]
    for candidates, cutoff in ((same_block, 0.6), (names, 0.7)):
        ends = {name.rpartition(".")[2] for name in candidates}
        close = difflib.get_close_matches(last, sorted(ends), n=1, cutoff=cutoff)
        if close:
            ending = [name for name in candidates if name.rpartition(".")[2] == close[0]]
            return difflib.get_close_matches(word, ending, n=1, cutoff=0.0)[0]
    others = [name for name in names if name not in same_block and not word.startswith(f"{name}.")]
    return next(iter(difflib.get_close_matches(word, others, n=1, cutoff=0.6)), None)


def did_you_mean(word: str, valid: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` with a leading blank, or the list of valid names where none is close."""
    names = sorted(set(valid))
    best = nearest(word, names)
    if best is not None:
        return f" Did you mean '{best}'?"
    return f" Valid: {', '.join(names)}." if names else ""
