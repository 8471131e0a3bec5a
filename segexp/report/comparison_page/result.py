"""A comparison as a whole: what is compared, what is left out, and where it is written."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from segexp.errors import DataError, SegexpError, one_line
from segexp.report.charts.chart import Chart
from segexp.report.charts.files import render_charts
from segexp.report.comparison_page.comparison_group import ComparisonGroup, comparison_groups
from segexp.report.comparison_page.configurations.configuration import grouped
from segexp.report.comparison_page.configurations.naming import configurations
from segexp.report.comparison_page.configurations.run import ComparedRun
from segexp.report.comparison_page.factors import FactorTable, factor_tables, few_seeds
from segexp.report.comparison_page.notes import comparison_notes
from segexp.report.comparison_page.output.charts import charts_of
from segexp.report.comparison_page.output.files import as_csv, as_markdown
from segexp.report.comparison_page.output.page import PageInput, render_comparison
from segexp.report.comparison_page.output.terminal import as_text
from segexp.report.comparison_page.output.thesis import as_latex
from segexp.report.comparison_page.search import Search
from segexp.runs.contents import RunContents
from segexp.runs.files import replace_file
from segexp.runs.find import FINISHED, LeftOut
from segexp.runs.text import printable, utf8
from segexp.system.causes import reason_of

Format = Literal["csv", "md", "html", "tex", "methods"]
FORMATS: tuple[Format, ...] = ("csv", "md", "html")
"""What is written where nothing else is said."""


class PageFailed(SegexpError):
    """The page of a comparison cannot be made."""


@dataclass(frozen=True)
class Comparison:
    """Configurations by test set.

    Attributes:
        title: Head of the page.
        groups: Comparable rows.
        older: Runs that were made again later and do not count.
        left_out: Runs and jobs without figures.
        searches: Those that the runs are trials of.
        factors: Of each group its table of two varied keys, if that was asked for.
    """

    title: str
    groups: tuple[ComparisonGroup, ...]
    older: tuple[ComparedRun, ...]
    left_out: tuple[LeftOut, ...]
    searches: tuple[Search, ...] = ()
    factors: tuple[FactorTable | None, ...] = ()

    @property
    def notes(self) -> list[str]:
        """Sentences that a reader must know before comparing."""
        found = comparison_notes(self.groups, self.older, [entry.state for entry in self.left_out])
        return [*found, *_of_factors(self.groups, self.factors)]

    def text(self) -> str:
        """For the terminal."""
        return as_text(self.groups, self.notes, self.left_out, self.factors)

    def write(self, out: Path, formats: Sequence[Format] = FORMATS) -> list[Path]:
        """Writes ``summary.csv``, ``summary.md``, ``summary.tex``, ``methods.md``, the page: each whole or not at all.

        Args:
            out: The folder.
            formats: Which of them.

        Raises:
            OSError: The folder cannot be written.
            PageFailed: The page cannot be made; the tables are written.
        """
        made: dict[Format, Callable[[], str]] = {
            "csv": lambda: as_csv(self.groups),
            "md": self._markdown,
            "tex": lambda: as_latex(
                self.title, self.groups, self.notes, self.factors or [None] * len(self.groups), self.searches
            ),
        }
        files = [replace_file(out / f"summary.{name}", utf8(text())) for name, text in made.items() if name in formats]
        if "methods" in formats:
            from segexp.report.methods.of_comparison import write_comparison_methods

            files += write_comparison_methods(out, self.title, self.groups, self.searches)
        return [*files, self._write_page(out)] if "html" in formats else files

    def write_charts(self, out: Path, kinds: Sequence[str]) -> list[Path]:
        """Writes each chart of the page as a file, ``differences.pdf``; of several test sets ``a_differences.pdf``.

        Args:
            out: The folder.
            kinds: Of :data:`segexp.report.charts.files.FORMATS`.

        Raises:
            OSError: The folder cannot be written.
        """
        return [
            replace_file(out / f"{group.letter.lower()}{'_' * bool(group.letter)}{stem}.{kind}", _drawn(chart, kind))
            for kind in kinds
            for group in self.groups
            for stem, chart in charts_of(group).items()
        ]

    def _markdown(self) -> str:
        return as_markdown(self.title, self.groups, self.notes, self.left_out, self.searches, self.factors)

    def _write_page(self, out: Path) -> Path:
        page = PageInput(
            self.title, str(out), self.groups, self.notes, self.left_out, self.older, self.searches, self.factors
        )
        target = out / "summary.html"
        try:
            text = render_comparison(page, out)
        except Exception as error:  # whatever is wrong with it, the tables stand
            raise PageFailed(f"{target}: not made ({reason_of(error)}); the tables are in {out}") from error
        return replace_file(target, utf8(text))


def _drawn(chart: Chart, kind: str) -> bytes:
    return render_charts([chart.with_texts(printable)], kind)


def _of_factors(groups: Sequence[ComparisonGroup], factors: Sequence[FactorTable | None]) -> Iterator[str]:
    """What a reader of means over seeds, and of the tables of two keys, must know."""
    repeated = any(group.differences and any(len(row.repeats) > 1 for row in group.rows) for group in groups)
    if (repeated or any(factors)) and (warning := few_seeds(groups)) is not None:
        yield warning
    for table in factors:
        if table is not None and not table.is_complete:
            pairs = len(table.rows) * len(table.columns)
            yield (
                f"{pairs - len(table.cells)} of {pairs} pairs of {table.keys[0]} and {table.keys[1]} have no run: "
                "means of rows and columns, and main effects, would not compare like with like and are left out."
            )


def build(
    found: Sequence[RunContents],
    left_out: Sequence[LeftOut],
    searches: Sequence[Search],
    measure: str | None,
    base: str | None,
    resamples: int,
    seed: int,
    by: tuple[str | None, str | None] = (None, None),
) -> Comparison:
    """See :func:`segexp.report.comparison_page.compare.compare`."""
    if not found:
        raise DataError("no run has finished, so there is nothing to compare:\n" + _indented(left_out))
    runs, damaged = _readable(found)
    left_out = [*left_out, *damaged]
    if not runs:
        raise DataError("no run can be compared:\n" + _indented(left_out))
    repeats, older = grouped(runs)
    rows = configurations(repeats)
    # Of two searches in one table, the places of each are its own; both come first.
    places = {run: place for search in searches for run, place in search.places.items()}
    made = comparison_groups(rows, measure, base, resamples, seed, places)
    factors = factor_tables(made, *by)
    title = _title(made, searches)
    return Comparison(title, tuple(made), tuple(older), tuple(left_out), tuple(searches), tuple(factors))


def _readable(found: Sequence[RunContents]) -> tuple[list[ComparedRun], list[LeftOut]]:
    """Runs whose files hold what they should; one that was damaged does not end the comparison of the others."""
    runs, damaged = [], []
    for contents in found:
        run = ComparedRun(contents)
        try:
            run.read_all()
        except Exception as error:  # files that anybody may have written hold anything
            damaged.append(LeftOut(contents.path.name, "unreadable", one_line(error), contents.path))
            continue
        if run.images:
            runs.append(run)
        else:
            reason = "per_image.csv holds no measures, so that its images cannot be compared"
            damaged.append(LeftOut(contents.path.name, FINISHED, reason, contents.path))
    return runs, damaged


def _indented(left_out: Sequence[LeftOut]) -> str:
    return "\n".join(f"  {entry}" for entry in left_out)


def _title(made: Sequence[ComparisonGroup], searches: Sequence[Search]) -> str:
    rows = [row for group in made for row in group.rows]
    data = " and ".join(dict.fromkeys(group.data_set for group in made if group.data_set))
    what = rows[0].name if len(rows) == 1 else f"{len(rows)} configurations"
    if len(searches) == 1 and searches[0].trials:
        what = f"Search of {len(searches[0].trials)} trials"
    return f"{what} on {data}" if data else what
