"""SECURITY.md names tests for each thing that the file of a stranger could try: they are there, and run by default."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", TEXT)


@cache
def read_tests(file: str) -> dict[str, ast.FunctionDef]:
    """Tests of a file by name."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {
        node.name: node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def asserts(test: ast.FunctionDef) -> bool:
    """Whether a test can fail by itself: it asserts, expects an error, or calls what does by its name."""
    words = [ast.unparse(node.func) for node in ast.walk(test) if isinstance(node, ast.Call)]
    return any(isinstance(node, ast.Assert) for node in ast.walk(test)) or any(
        "raises" in word or word.startswith("assert_") for word in words
    )


def test_every_row_names_tests_that_exist_and_can_fail() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith(("| from", "| ---"))]
    assert len(rows) >= 20
    for row in rows:
        assert "`tests/" in row.rsplit("|", 2)[1], f"no test in: {row[:80]}"
    for file, name in NAMED:
        test = read_tests(file).get(name)
        assert test is not None, f"{file} has no {name}"
        assert asserts(test), f"{file}::{name} asserts nothing"
        assert "skip" not in " ".join(map(ast.unparse, test.decorator_list)), f"{file}::{name} may be skipped"
        assert not any("slow" in ast.unparse(each) for each in test.decorator_list), f"{file}::{name} is slow"


def test_links_of_the_page_lead_somewhere() -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)", TEXT):
        assert (ROOT / link).is_file(), link
