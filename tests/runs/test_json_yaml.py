"""What parsers would take for a small file of a stranger is bounded."""

import json
import os
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segexp.runs.json_yaml import JSON_BYTES, MOST_PARTS, YAML_BYTES, parse_yaml, read_json, read_yaml


def test_honest_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"train": ["é"], "n": 1.5}', encoding="utf-8")
    (tmp_path / "a.yaml").write_text("a: {b: [1, 2]}\nc: é\n", encoding="utf-8")
    assert read_json(tmp_path / "a.json") == {"train": ["é"], "n": 1.5}
    assert read_yaml(tmp_path / "a.yaml") == {"a": {"b": [1, 2]}, "c": "é"}


@pytest.mark.parametrize(
    ("read", "text", "why"),
    [
        (read_json, "[" * 100_000, "nested too deep"),
        (read_json, "[" + "[]," * MOST_PARTS + "[]]", "more than 1000000 lists"),
        (read_json, " " * (JSON_BYTES + 1), "found 32.0 MB, expected at most 32 MB"),
        (read_json, "{", "Expecting"),
        (read_yaml, "[" * 2_000, "nested too deep"),
        (read_yaml, "#" * (YAML_BYTES + 1), "found 1.0 MB, expected at most 1 MB"),
        (read_yaml, "a: [\nb: {", "while parsing"),
    ],
    ids=["deep", "many", "large", "cut off", "deep yaml", "large yaml", "no yaml"],
)
def test_others_are_a_value_error_in_one_line(read: Callable[[Path], Any], text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(text)
    with pytest.raises(ValueError, match=why) as caught:
        read(tmp_path / "file")
    assert "\n" not in str(caught.value)


def test_a_text_of_yaml_is_bounded_as_a_file_is() -> None:
    with pytest.raises(ValueError, match="at most 1 MB"):
        parse_yaml("#" * (YAML_BYTES + 1))


def test_a_small_file_takes_little_memory_and_one_without_a_size_is_read_to_its_end(tmp_path: Path) -> None:
    """Where memory has run out the end of a run is still written down, for which run.json is read."""
    path = tmp_path / "run.json"
    path.write_text('{"state": "running"}')
    tracemalloc.start()
    assert read_json(path) == {"state": "running"}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    text = json.dumps(["x" * 1000] * 200)
    writer = threading.Thread(target=lambda: pipe.write_text(text))
    writer.start()
    assert read_json(pipe) == json.loads(text)
    writer.join()
