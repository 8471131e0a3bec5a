"""What a visitor of the repository looks for: files of the project say the same as the package."""

import re
from pathlib import Path

import yaml

from segexp.version import VERSION

ROOT = Path(__file__).parents[1]
TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (str(citation["version"]), citation["license"]) == (VERSION, "MIT")
    assert citation["cff-version"] == "1.2.0"


def test_the_changelog_has_this_version_and_what_comes_next() -> None:
    """Until a release gives the entries their version (``make release``), they stand below what it will be."""
    heads = re.findall(r"^## (.+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heads[0].startswith("Unreleased")
    assert heads[0] == f"Unreleased ({VERSION.removesuffix('.0')})" or any(head.split()[0] == VERSION for head in heads)


def test_make_targets_named_to_contributors_exist() -> None:
    named = set(re.findall(r"`?make ([a-z-]+)", (ROOT / "CONTRIBUTING.md").read_text()))
    assert {"test", "lint", "format", "test-slow"} <= named <= set(TARGETS)


def test_the_workflow_calls_what_decides() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    steps = workflow["jobs"]["run"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
    assert workflow["jobs"]["docs"]["steps"][-1] == {"run": "make docs"}


def test_the_wheels_are_tried_by_targets_that_exist() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/wheels.yml").read_text())
    job = workflow["jobs"]["bare"]
    assert job["steps"][-1]["run"] == "make ${{ matrix.target }}"
    assert set(job["strategy"]["matrix"]["target"]) <= set(TARGETS)


def test_hooks_before_a_commit_are_those_of_make_lint() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    entries = [hook["entry"].removeprefix(".venv/bin/").split()[0] for hook in hooks]
    recipe = (ROOT / "Makefile").read_text().split("\nlint:")[1].split("\nunit:")[0]
    assert list(dict.fromkeys(entries)) == list(dict.fromkeys(re.findall(r"\$\(BIN\)/(\S+)", recipe)))


def test_the_package_says_that_it_has_types() -> None:
    assert (ROOT / "segexp/py.typed").is_file()
