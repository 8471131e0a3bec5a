"""The nearest valid name for a mistyped one."""

import difflib
from collections.abc import Iterable


def nearest(word: str, valid: Iterable[str]) -> str | None:
    """The valid name that looks most like ``word``, or None when none is close.

    A dotted key is also compared by its last part, so that ``model.bas`` finds ``model.base`` and ``bas`` too.
    """
    names = list(valid)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return close[0]
    last = word.rsplit(".", 1)[-1]
    by_last = {name.rsplit(".", 1)[-1]: name for name in names}
    close = difflib.get_close_matches(last, list(by_last), n=1, cutoff=0.7)
    return by_last[close[0]] if close else None


def did_you_mean(word: str, valid: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` with a leading blank, or the list of valid names where none is close."""
    names = sorted(set(valid))
    best = nearest(word, names)
    if best is not None:
        return f" Did you mean '{best}'?"
    return f" Valid: {', '.join(names)}." if names else ""
