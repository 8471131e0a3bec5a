"""What a release refuses, writes and leaves behind, in a small repository of its own."""

import datetime
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.release import prepare
from tests.release.environments import ROOT
from tests.release.prepare import ReleaseRefused, refuse, release, write_sums, write_version

CHANGES = "# Changes\n\n## Unreleased (0.2)\n\n### Added\n\n- A thing.\n\n## 0.1.0\n\n- The first.\n"
FILES = {
    "pyproject.toml": '[project]\nname = "segexp"\nversion = "0.1.0"\n',
    "segexp/version.py": 'VERSION = "0.1.0"\n',
    "CITATION.cff": "cff-version: 1.2.0\nversion: 0.1.0\n",
    "CHANGELOG.md": CHANGES,
    ".gitignore": "dist/\n",
}


def git(root: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(root), *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "someone")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "someone@example.org")
    root = tmp_path / "checkout"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "first")
    return root


def commit(root: Path, name: str, text: str) -> None:
    (root / name).write_text(text)
    git(root, "commit", "--quiet", "--all", "--message", "next")


def test_a_clean_checkout_with_entries_may_be_released(checkout: Path) -> None:
    refuse(checkout, "0.2.0")


@pytest.mark.parametrize("version", ["0.2", "v0.2.0", "0.2.0rc1", "", "0.2.0\n"])
def test_a_version_is_three_numbers(checkout: Path, version: str) -> None:
    with pytest.raises(ReleaseRefused, match="expected three numbers"):
        refuse(checkout, version)


def test_nothing_may_be_uncommitted(checkout: Path) -> None:
    (checkout / "new.py").write_text("")
    with pytest.raises(ReleaseRefused, match=r"new\.py: not committed"):
        refuse(checkout, "0.2.0")


def test_a_version_is_released_once(checkout: Path) -> None:
    with pytest.raises(ReleaseRefused, match=r"has a section 0\.1\.0"):
        refuse(checkout, "0.1.0")
    git(checkout, "tag", "v0.2.0")
    with pytest.raises(ReleaseRefused, match=r"v0\.2\.0: this tag exists"):
        refuse(checkout, "0.2.0")


def test_an_entry_of_an_earlier_version_is_none_of_this(checkout: Path) -> None:
    commit(checkout, "CHANGELOG.md", CHANGES.replace("- A thing.\n", ""))
    with pytest.raises(ReleaseRefused, match="no entry below Unreleased"):
        refuse(checkout, "0.2.0")
    commit(checkout, "CHANGELOG.md", CHANGES.replace("Unreleased", "Coming"))
    with pytest.raises(ReleaseRefused, match="no entry below Unreleased"):
        refuse(checkout, "0.2.0")


def test_every_file_gets_the_version(checkout: Path) -> None:
    write_version(checkout, "0.2.0", datetime.date(2026, 12, 1))
    assert 'version = "0.2.0"\n' in (checkout / "pyproject.toml").read_text()
    assert (checkout / "segexp/version.py").read_text() == 'VERSION = "0.2.0"\n'
    assert (checkout / "CITATION.cff").read_text() == "cff-version: 1.2.0\nversion: 0.2.0\n"
    changes = (checkout / "CHANGELOG.md").read_text()
    assert changes == CHANGES.replace("## Unreleased (0.2)", "## Unreleased\n\n## 0.2.0 - 2026-12-01")
    git(checkout, "commit", "--quiet", "--all", "--message", "next")
    with pytest.raises(ReleaseRefused, match=r"has a section 0\.2\.0"):
        refuse(checkout, "0.2.0")
    with pytest.raises(ReleaseRefused, match="no entry below Unreleased"):
        refuse(checkout, "0.3.0")


def test_the_lines_of_this_repository_are_found(tmp_path: Path) -> None:
    for name in prepare.PLACES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    write_version(tmp_path, "9.8.7", datetime.date(2026, 12, 1))
    assert all("9.8.7" in (tmp_path / name).read_text() for name in prepare.PLACES)


def test_sums_are_those_of_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "a-1.whl").write_bytes(b"one")
    (tmp_path / "a-1.tar.gz").write_bytes(b"two")
    write_sums(tmp_path)
    line = ["sha256sum", "--check", "SHA256SUMS"]
    told = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert told.splitlines() == ["a-1.tar.gz: OK", "a-1.whl: OK"]


@pytest.fixture
def built(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Archives with nothing in them in place of real ones; holds the versions that were in pyproject.toml."""
    versions = []

    def build(out: Path) -> Path:
        version = (checkout / "pyproject.toml").read_text().split('"')[3]
        versions.append(version)
        out.mkdir(parents=True)
        (out / f"segexp-{version}.tar.gz").write_bytes(b"")
        wheel = out / f"segexp-{version}-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"segexp-{version}.dist-info/METADATA", f"Name: segexp\nVersion: {version}\n")
        return wheel

    monkeypatch.setattr(prepare, "build", build)
    monkeypatch.setattr(prepare, "_twine", lambda archives: None)
    return versions


def test_without_a_tag_the_checkout_is_as_before(checkout: Path, built: list[str]) -> None:
    tried: list[Path] = []
    folder = release(checkout, "0.2.0", tag=False, trial=tried.append)
    assert built == ["0.2.0"]
    assert [wheel.name for wheel in tried] == ["segexp-0.2.0-py3-none-any.whl"]
    assert [path.name for path in folder.parent.iterdir()] == ["0.2.0"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "SHA256SUMS", "segexp-0.2.0-py3-none-any.whl", "segexp-0.2.0.tar.gz",
    ]  # fmt: skip
    assert git(checkout, "status", "--porcelain") == ""
    assert git(checkout, "tag") == ""
    assert 'version = "0.1.0"' in (checkout / "pyproject.toml").read_text()


def test_a_tag_holds_the_version(checkout: Path, built: list[str]) -> None:
    release(checkout, "0.2.0", tag=True, trial=lambda wheel: None)
    assert git(checkout, "tag").split() == ["v0.2.0"]
    assert 'version = "0.2.0"' in git(checkout, "show", "v0.2.0:pyproject.toml")
    assert git(checkout, "status", "--porcelain") == ""
    with pytest.raises(ReleaseRefused, match="this tag exists"):
        release(checkout, "0.2.0", tag=True)


def test_a_wheel_that_fails_leaves_neither_version_nor_tag_nor_archives(checkout: Path, built: list[str]) -> None:
    def fails(wheel: Path) -> None:
        raise RuntimeError("no report")

    earlier = checkout / "dist/0.2.0"
    earlier.mkdir(parents=True)
    (earlier / "segexp-0.2.0.tar.gz").write_bytes(b"of an earlier try")
    with pytest.raises(RuntimeError, match="no report"):
        release(checkout, "0.2.0", tag=True, trial=fails)
    assert list((checkout / "dist").iterdir()) == []
    assert git(checkout, "tag") == ""
    assert git(checkout, "status", "--porcelain") == ""
