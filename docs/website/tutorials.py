"""Notebooks of examples/ (jupytext's percent form) as pages, and other files that pages link to as listings."""

import re
from pathlib import Path

CELL = re.compile(r"^# %%(.*)$", re.MULTILINE)
LANGUAGES = {".py": "python", ".yaml": "yaml"}


def is_notebook(text: str) -> bool:
    """Tells whether a Python file is a notebook: cells of text and code begin with ``# %%``."""
    return CELL.search(text) is not None


def notebook_page(text: str, path: str) -> str:
    """The cells of a notebook as Markdown: text as it is, code in fences.

    Args:
        text: The file, in jupytext's percent form.
        path: Where it lies in the repository, for a line that says so.
    """
    parts = CELL.split(text)[1:]  # what stands before the first cell is jupytext's own
    cells = [_cell(kind, body.strip("\n")) for kind, body in zip(parts[::2], parts[1::2], strict=True)]
    heading, _, rest = "\n\n".join(cell for cell in cells if cell).partition("\n")
    return f"{heading}\n\n*This page is the notebook `{path}`.*\n{rest}\n"


def _cell(kind: str, body: str) -> str:
    if "[markdown]" in kind:
        return "\n".join(line.removeprefix("#").removeprefix(" ") for line in body.splitlines())
    return f"```python\n{body}\n```" if body else ""


def title_of(page: str) -> str:
    """The first heading of a page in Markdown."""
    found = re.search(r"^# (.+)$", page, re.MULTILINE)
    if found is None:
        raise ValueError("the page has no heading of the first level")
    return found[1].strip()


def listing_page(path: Path, name: str) -> str:
    """A file as a page that shows it."""
    return f"# {path.name}\n\n`{name}`\n\n```{LANGUAGES.get(path.suffix, '')}\n{path.read_text(encoding='utf-8')}```\n"
