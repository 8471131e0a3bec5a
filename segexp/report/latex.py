"""Names from elsewhere in LaTeX: they are read as they are, and run no command."""

import re
from collections.abc import Sequence

from segexp.runs.text import printable

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': "{''}", "[": "{[}", "]": "{]}",
}  # fmt: skip
# Letters of our own tables that fonts of a plain document lack, or that look better in its mathematics.
_SIGNS = {
    "±": r"$\pm$",
    "↓": r"$\downarrow$",
    "×": r"$\times$",
    "−": "$-$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "²": r"$^2$",
}
CAPTION_ABOVE = r"\setlength{\abovecaptionskip}{0pt}\setlength{\belowcaptionskip}{6pt}"
r"""Within the float: ``article`` has its skip above a caption, and none below, where a table's caption needs it."""
LONGEST_PART = 13
"""Letters of a word that is not broken: it fits the narrowest column of words."""
_FOUND = re.compile("|".join(re.escape(letter) for letter in (*_SPECIAL, *_SIGNS)))
_SIGNED = re.compile(r"(?<![\w.])[+-](?=\d)")


def escape_latex(text: str) -> str:
    """One line of text for a cell or a caption; a minus before a number is as long as a plus.

    Square brackets stand in braces: behind the end of a row, ``[`` would begin its distance to the next.
    """
    escaped = _FOUND.sub(lambda found: (_SPECIAL | _SIGNS)[found[0]], printable(text))
    return _SIGNED.sub(lambda found: f"${found[0]}$", escaped)


def escape_comment(text: str) -> str:
    """Text behind a percent sign: one line."""
    return printable(text)


def escape_breakable(text: str) -> str:
    """One line of text whose long words may be broken, at their signs or else anywhere, without a hyphen."""
    return " ".join(r"\allowbreak{}".join(map(escape_latex, split_word(word))) for word in printable(text).split())


def split_word(word: str) -> list[str]:
    """Parts of a word that are short enough for a narrow column: behind ``_=/,.-``, and of long ones every six."""
    parts = re.findall(r"[^_=/,.-]+[_=/,.-]?|[_=/,.-]", word)
    short = [[part] if len(part) <= LONGEST_PART else re.findall(r".{1,6}", part) for part in parts]
    # A sign at the begin, and a number with its point, stay whole.
    return [word] if len(word) <= LONGEST_PART else [piece for pieces in short for piece in pieces]


def format_tabular(columns: str, head: str, rows: list[str], below: list[str]) -> str:
    """Rows between the rules of booktabs.

    Args:
        columns: A letter each, as ``lrr``.
        head: Heads in LaTeX, ``a & b``.
        rows: Rows in LaTeX, without their ends.
        below: Rows under a rule of their own.
    """
    ends = [f"{row} \\\\" for row in rows]
    if below:
        ends += [r"\midrule", *(f"{row} \\\\" for row in below)]
    lines = [
        rf"\begin{{tabular}}{{{columns}}}", r"\toprule", f"{head} \\\\", r"\midrule", *ends, r"\bottomrule",
        r"\end{tabular}",
    ]  # fmt: skip
    return "\n".join(lines)


def format_table(caption: str, label: str, tabulars: Sequence[str], notes: Sequence[str] = ()) -> str:
    r"""A table to be taken in by ``\input``: caption, tabulars under each other, notes in small letters.

    Args:
        caption: In LaTeX.
        label: Behind ``tab:``.
        tabulars: As :func:`format_tabular` makes them.
        notes: Sentences in LaTeX, a paragraph each.
    """
    told = "\\par\n".join(notes)
    below = ["", r"\medskip", rf"\parbox{{\linewidth}}{{\footnotesize\raggedright {told}}}"] if notes else []
    lines = [
        r"\begin{table}", r"\centering\small", CAPTION_ABOVE, rf"\caption{{{caption}}}", rf"\label{{tab:{label}}}",
        "\n\n\\medskip\n".join(tabulars), *below, r"\end{table}",
    ]  # fmt: skip
    return "\n".join(lines)
