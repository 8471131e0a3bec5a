"""The run folder: names of their own, files whole or not at all."""

import csv
import re
import threading
from pathlib import Path

import pytest
import yaml

from segexp.errors import ConfigError
from segexp.runs import folder as folder_module
from segexp.runs.files import replace_file
from segexp.runs.folder import RunFolder


def test_name_is_date_time_and_id(tmp_path: Path) -> None:
    created = RunFolder.create(tmp_path / "a" / "b")
    assert created.path.parent == tmp_path / "a" / "b"
    assert created.path.is_dir()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_[0-9a-f]{4}", created.path.name)


def test_many_at_once_share_nothing(tmp_path: Path) -> None:
    names: list[Path] = []
    threads = [
        threading.Thread(target=lambda: names.extend(RunFolder.create(tmp_path).path for _ in range(50)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(names)) == 200


def test_a_taken_name_is_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = iter(["aaaa", "aaaa", "aaaa", "bbbb"])
    monkeypatch.setattr(folder_module.secrets, "token_hex", lambda _: next(ids))

    class Noon:
        @staticmethod
        def now() -> "Noon":
            return Noon()

        def astimezone(self) -> "Noon":
            return self

        def strftime(self, _: str) -> str:
            return "noon"

    monkeypatch.setattr(folder_module, "datetime", Noon)
    assert RunFolder.create(tmp_path).path.name == "noon_aaaa"
    assert RunFolder.create(tmp_path).path.name == "noon_bbbb"


def test_a_file_in_the_place_of_the_parent_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    with pytest.raises(
        ConfigError, match=r"^output_dir: nothing can be written into .*/file \(a part of it is a file\)"
    ):
        RunFolder.create(tmp_path / "file")


def test_write_replaces_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "x.txt"
    replace_file(target, b"first, and longer")
    replace_file(target, b"second")
    assert target.read_bytes() == b"second"
    assert [path.name for path in target.parent.iterdir()] == ["x.txt"]


@pytest.mark.parametrize("where", ["write", "replace"])
def test_failure_in_mid_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    target = replace_file(tmp_path / "x.txt", b"old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    if where == "write":
        monkeypatch.setattr("segexp.runs.files._give_usual_rights", fail)
    else:
        monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        replace_file(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["x.txt"]


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    target = replace_file(tmp_path / "x.bin", b"0" * 1_000_000)
    stop = threading.Event()
    seen: set[int] = set()

    def read() -> None:
        while not stop.is_set():
            seen.add(len(target.read_bytes()))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(20):
        replace_file(target, str(number % 10).encode() * (1_000_000 + number % 2))
    stop.set()
    reader.join()
    assert seen <= {1_000_000, 1_000_001}
    assert seen


def test_rights_follow_the_umask(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.write_text("")
    assert replace_file(tmp_path / "ours", b"").stat().st_mode == usual.stat().st_mode


def test_csv_columns_in_order_of_appearance(tmp_path: Path) -> None:
    made = RunFolder(tmp_path)
    made.write_csv("t.csv", [{"epoch": 0, "a": 0.1}, {"epoch": 1, "b": 'x,"y'}])
    with (tmp_path / "t.csv").open(newline="") as stream:
        assert list(csv.reader(stream)) == [["epoch", "a", "b"], ["0", "0.1", ""], ["1", "", 'x,"y']]


def test_yaml_keeps_order_and_values(tmp_path: Path) -> None:
    content = {"z": 1e-05, "a": None, "name": "größe", "list": [1, {"b": True}], "text": "1e-5", "no": "no"}
    RunFolder(tmp_path).write_yaml("c.yaml", content)
    text = (tmp_path / "c.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text) == content
    assert text.index("z:") < text.index("a:")
    assert "größe" in text


def test_nan_has_no_place_in_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        RunFolder(tmp_path).write_json("r.json", {"miou": float("nan")})
    assert not list(tmp_path.iterdir())
