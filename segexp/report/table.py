"""A table of text: the same cells for the terminal and for the report."""

from dataclasses import dataclass

from segexp.runs.text import printable, readable, shortened

WIDEST = 100
"""Letters of a cell on the terminal."""


@dataclass(frozen=True)
class Table:
    """Header and rows of text; the first ``text_columns`` columns are words, the others values.

    Attributes:
        title: What the table is about.
        header: One name per column.
        rows: Cells, as many per row as the header has.
        text_columns: How many columns from the left are aligned as words.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text_columns: int = 1

    @property
    def marks_less(self) -> bool:
        """Whether an arrow, in a head or where measures are rows, says that less is better."""
        return any("↓" in cell for line in (self.header, *self.rows) for cell in line)

    def as_text(self) -> str:
        """Aligned columns under a rule, words to the left and numbers to the right."""
        # A control character would reach the terminal, and one long name would make every line as long.
        lines = [tuple(shortened(printable(cell), WIDEST) for cell in line) for line in (self.header, *self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.header))]
        drawn = [self._line(line, widths) for line in lines]
        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        return "\n".join([readable(self.title), "", drawn[0], rule, *drawn[1:]])

    def _line(self, cells: tuple[str, ...], widths: list[int]) -> str:
        aligned = [
            cell.ljust(width) if column < self.text_columns else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(aligned).rstrip()
