"""The file of a sweep's jobs, written anew at each change."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from segexp.sweeps.manifest import MANIFEST, Entry, Manifest


def entry(number: int) -> Entry:
    return Entry(number, "k", "l\nä", ["a=1", 'b="x"'], {}, f"{number:03d}", error="a\nb")


@pytest.mark.parametrize("facts", [{}, {"command": "x\ny", "engine": {"places": 2, "gpus": []}}])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_texts_that_are_kept_are_those_of_the_whole(facts: dict[str, Any], count: int, tmp_path: Path) -> None:
    manifest = Manifest(tmp_path, facts, {number: entry(number) for number in range(count)})
    manifest.write()
    for number in range(count):
        manifest.change(number, state="finished", seconds=1.5)
    whole = {**facts, "jobs": [asdict(each) for each in manifest]}
    assert (tmp_path / MANIFEST).read_text(encoding="utf-8") == json.dumps(whole, indent=2) + "\n"
    assert Manifest.read(tmp_path).entries == manifest.entries


def test_a_change_makes_the_text_of_one_job_alone(tmp_path: Path) -> None:
    """A sweep of a thousand jobs writes its file three thousand times."""
    manifest = Manifest(tmp_path, {}, {number: entry(number) for number in range(50)})
    manifest.write()
    with mock.patch("segexp.sweeps.manifest.asdict", wraps=asdict) as made:
        manifest.change(7, state="running")
        manifest.change(8, state="running")
    assert [call.args[0].number for call in made.call_args_list] == [7, 8]
