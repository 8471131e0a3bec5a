"""The order of pages in mkdocs.yml, without MkDocs: every page has its place, and every place its page."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.website.api import api_pages
from docs.website.keys import key_pages
from docs.website.tutorials import is_notebook, notebook_page, title_of

ROOT = Path(__file__).resolve().parents[2]
CONFIG = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


def places(entry: Any) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    for each in entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ():
        yield from places(each)


def test_every_page_has_its_place() -> None:
    named = list(places(CONFIG["nav"]))
    assert len(named) == len(set(named))
    written = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    made = {*key_pages(), *api_pages()}
    project = {place for place in named if place.startswith("project/")}
    assert written | made | project == {place for place in named if not place.startswith("examples/")}


def test_parts_stand_in_the_order_of_what_people_do() -> None:
    parts = [next(iter(entry)) for entry in CONFIG["nav"]]
    assert parts == ["Start", "Tutorials", "How-to", "Concepts", "Reference", "For teachers", "Design"]


def test_warnings_of_links_are_on_and_nothing_comes_from_elsewhere() -> None:
    assert {"omitted_files", "absolute_links", "unrecognized_links", "anchors"} <= {
        name for name, level in CONFIG["validation"].items() if level == "warn"
    }
    assert CONFIG["theme"]["font"] is False
    assert "offline" in CONFIG["plugins"]
    assert all((ROOT / "docs" / path).is_file() for path in [*CONFIG["extra"]["polyfills"], *CONFIG["extra_css"]])


def test_a_notebook_becomes_a_page() -> None:
    text = "# ---\n# j: x\n# ---\n\n# %% [markdown]\n# # One\n#\n# Two.\n\n# %%\nx = 1\n\n# %% [markdown]\n# ## E\n"
    assert is_notebook(text)
    assert not is_notebook("x = 1\n")
    page = notebook_page(text, "examples/one.py")
    line = "*This page is the notebook `examples/one.py`.*"
    assert page == f"# One\n\n{line}\n\nTwo.\n\n```python\nx = 1\n```\n\n## E\n"
    assert title_of(page) == "One"
    with pytest.raises(ValueError, match="no heading"):
        title_of("text")
