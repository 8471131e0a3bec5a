"""Names from elsewhere in summary.md."""

import re

import pytest

from segexp.report import markdown
from segexp.report.comparison_page.output.grid import Cell, Grid, Head

HOSTILE = [
    "a|b", "`code`", "<script>alert(1)</script>", "[click](http://evil.example)", "![x](http://evil.example/p.png)",
    "two\nlines", "# heading", "**bold**", "_x_", "www.evil.example", "mail me@evil.example", "[x]: http://evil.example",
    "~~gone~~", "a\\|b", "&lt;img&gt;", "| --- |", "<!-- -->", "\x1b[31mred", "1. list", "[^1]", "\u202egnp.exe",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_stands_in_a_cell_is_text(name: str) -> None:
    found = Grid("t", [Head("h", number=False)], [[Cell(name)]]).as_markdown().splitlines()
    assert len(found) == 3
    cell = found[2][2:-2]
    assert not re.search(r"(?<!\\)[`|*~]|[<>\n]|(?<!\\)\]\(|https?:|www\.|@|\x1b|\u202e|(?<!\\)\]:", cell)


@pytest.mark.parametrize("name", ["cunet, lr=0.01", "deep_lab_v3", "[+0.0123, -0.2]", "0.83 ± 0.01", "AT&T", "#3"])
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    assert markdown.escape_text(name) == name


@pytest.mark.parametrize(
    ("text", "start"), [("# x", "\\# x"), ("- x", "\\- x"), ("1) x", "1\\) x"), ("a - b", "a - b")]
)
def test_nothing_begins_a_block(text: str, start: str) -> None:
    assert markdown.escape_line(text) == start


def test_code_is_fenced_by_more_than_it_holds() -> None:
    assert markdown.format_code("a`b") == "``a`b``"
    assert markdown.format_code("`b`") == "`` `b` ``"
    assert markdown.format_code_block("x ```\n# y") == "````\nx ```\\n# y\n````"
