"""Rows of the tables in docs/lightning.md: what is written in Lightning, and the words that stand for it here."""

import re
import shlex
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "lightning.md"


def rows(section: str) -> dict[str, list[str]]:
    """First column and words of each row of a section."""
    text = re.search(rf"^## {section}$(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert text is not None, section
    found = re.findall(r"^\| (.+?) \| `(.+)` \|$", text[1], re.MULTILINE)
    return {left.strip("`"): shlex.split(right) for left, right in found}


def merged(lines: list[list[str]], group: str) -> list[str]:
    """The words of several rows as one command: options of a group become a list of them."""
    every = [word for line in lines for word in line]
    options = [word.partition("=")[2] for word in every if word.startswith(f"{group}=")]
    return [f"{group}=[{','.join(options)}]", *(word for word in every if not word.startswith(f"{group}="))]
