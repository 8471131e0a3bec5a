"""The check of built pages finds what is broken, and what would be loaded from elsewhere."""

from pathlib import Path

import pytest

from docs.website.links import main, problems_of

GOOD = """<html><head><link rel="canonical" href="https://example.org/"><link rel="stylesheet" href="a.css">
<script src="b.js"></script></head><body><h1 id="top">x</h1><a href="#top">x</a><a href="in/c.html#d%20e">x</a>
<a href="https://example.org">read elsewhere</a><img src="data:image/png;base64,AA=="></body></html>"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "index.html").write_text(GOOD)
    (tmp_path / "in/c.html").write_text('<p id="d e"><a href="../index.html#top">x</a></p>')
    (tmp_path / "a.css").write_text("p {background: url(data:image/png;base64,AA==)}")
    (tmp_path / "b.js").write_text("")
    return tmp_path


def test_a_good_site(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert problems_of(site) == []
    assert main([str(site)]) == 0
    assert "are there" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("tag", "problem"),
    [
        ('<a href="gone.html">', "in/c.html: gone.html leads nowhere"),
        ('<a href="../index.html#gone">', "in/c.html: ../index.html#gone: no such place on that page"),
        ('<a href="..">', "in/c.html: .. is a folder, which no disk shows as a page"),
        ('<img src="gone.png">', "in/c.html: gone.png leads nowhere"),
        ('<script src="https://cdn.org/x.js">', "in/c.html: loads https://cdn.org/x.js from elsewhere"),
        ('<link rel="preconnect" href="//fonts.org">', "in/c.html: loads //fonts.org from elsewhere"),
    ],
)
def test_what_is_broken(site: Path, tag: str, problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    (site / "in/c.html").write_text(f'<p id="d e">{tag}')
    assert problems_of(site) == [problem]
    assert main([str(site)]) == 1
    assert problem in capsys.readouterr().out


def test_a_style_that_loads_from_elsewhere_and_no_page(site: Path, tmp_path: Path) -> None:
    (site / "a.css").write_text('@import "//fonts.org/x.css"; p {background: url("https://cdn.org/y.png")}')
    assert problems_of(site) == [
        f"a.css: loads {target} from elsewhere" for target in ("//fonts.org/x.css", "https://cdn.org/y.png")
    ]
    (tmp_path / "empty").mkdir()
    assert problems_of(tmp_path / "empty") == [f"{tmp_path / 'empty'}: no page"]
