"""Names from elsewhere in LaTeX: they are read as they are, and run no command."""

import re

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


def format_table(caption: str, label: str, columns: str, head: str, rows: list[str], below: list[str]) -> str:
    r"""A table of booktabs, to be taken in by ``\input``.

    Args:
        caption: In LaTeX.
        label: Behind ``tab:``.
        columns: A letter each, as ``lrr``.
        head: Heads in LaTeX, ``a & b``.
        rows: Rows in LaTeX, without their ends.
        below: Rows under a rule of their own.
    """
    ends = [f"{row} \\\\" for row in rows]
    if below:
        ends += [r"\midrule", *(f"{row} \\\\" for row in below)]
    lines = [
        r"\begin{table}", r"\centering\small", rf"\caption{{{caption}}}", rf"\label{{tab:{label}}}",
        rf"\begin{{tabular}}{{{columns}}}", r"\toprule", f"{head} \\\\", r"\midrule", *ends, r"\bottomrule",
        r"\end{tabular}", r"\end{table}",
    ]  # fmt: skip
    return "\n".join(lines)
