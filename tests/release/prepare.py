"""Makes a release of this checkout: version, archives, a trial in a bare environment, checksums. Uploads nothing.

    python -m tests.release.prepare 0.2.0
    python -m tests.release.prepare 0.2.0 --tag

The archives and SHA256SUMS lie in ``dist/<version>/``. Without ``--tag`` the checkout is afterwards as it was before;
with it the version is committed and tagged, which is for whoever then pushes and uploads by hand (``make release``).
"""

import argparse
import datetime
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.release.environments import ROOT, install, make_environment, write_constraints
from tests.release.wheel import build, try_commands

PLACES = {
    "pyproject.toml": (r'^version = ".*"$', 'version = "{version}"'),
    "segexp/version.py": (r'^VERSION = ".*"$', 'VERSION = "{version}"'),
    "CITATION.cff": (r"^version: .*$", "version: {version}"),
    "CHANGELOG.md": (r"^## Unreleased.*$", "## Unreleased\n\n## {version} - {date}"),
}
"""Files that name the version: the line that is replaced, and by what."""


class ReleaseRefused(Exception):
    """Something about the checkout or the version forbids the release."""


def refuse(root: Path, version: str) -> None:
    """Refuses what must not be released.

    Args:
        root: The checkout.
        version: Three numbers with dots, as 0.2.0.

    Raises:
        ReleaseRefused: The version has another form or exists, the tree is dirty, or the changelog has no entry.
    """
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise ReleaseRefused(f"version: found {version}, expected three numbers, as 0.2.0")
    if dirty := _git(root, "status", "--porcelain"):
        raise ReleaseRefused(f"{dirty.splitlines()[0].strip()}: not committed; commit or remove it first")
    if _git(root, "tag", "--list", f"v{version}"):
        raise ReleaseRefused(f"v{version}: this tag exists; choose a newer version")
    changes = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if re.search(rf"^## {re.escape(version)}\b", changes, re.MULTILINE):
        raise ReleaseRefused(f"CHANGELOG.md: has a section {version}; choose a newer version")
    unreleased = re.search(r"^## Unreleased[^\n]*\n(.*?)(?=^## |\Z)", changes, re.MULTILINE | re.DOTALL)
    if unreleased is None or not re.search(r"^- ", unreleased[1], re.MULTILINE):
        raise ReleaseRefused("CHANGELOG.md: found no entry below Unreleased, expected what this release changes")


def write_version(root: Path, version: str, date: datetime.date) -> None:
    """Writes version and date into all files that name them; what was unreleased in the changelog gets the version.

    Raises:
        ReleaseRefused: A file does not have its line exactly once.
    """
    for name, (pattern, line) in PLACES.items():
        text = (root / name).read_text(encoding="utf-8")
        written, count = re.subn(pattern, line.format(version=version, date=date), text, flags=re.MULTILINE)
        if count != 1:
            raise ReleaseRefused(f"{name}: found {count} lines like {pattern}, expected one")
        (root / name).write_text(written, encoding="utf-8")


def write_sums(folder: Path) -> Path:
    """Writes SHA256SUMS of all archives of a folder, as ``sha256sum --check`` reads it."""
    archives = sorted(path for path in folder.iterdir() if path.suffix in (".whl", ".gz"))
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in archives]
    target = folder / "SHA256SUMS"
    target.write_text("".join(lines), encoding="ascii")
    return target


def check_archives(folder: Path, version: str) -> None:
    """Lets twine look at both archives, and compares the version of the wheel's metadata.

    Raises:
        subprocess.CalledProcessError: twine found something, and has said what.
        ReleaseRefused: Another version was built.
    """
    _twine(sorted(str(path) for path in folder.iterdir()))
    (wheel,) = folder.glob("*.whl")
    metadata = zipfile.ZipFile(wheel).read(f"segexp-{version}.dist-info/METADATA").decode()
    if f"\nVersion: {version}\n" not in metadata:
        raise ReleaseRefused(f"{wheel.name}: expected version {version} in its metadata")


def _twine(archives: list[str]) -> None:
    """Lets twine check what an index would refuse."""
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *archives], check=True)


def try_wheel(wheel: Path) -> None:
    """Installs the wheel in a bare environment with the versions that are tested, and runs the default experiment."""
    with tempfile.TemporaryDirectory(prefix="segexp-release-") as name:
        python = make_environment(Path(name, "environment"))
        install(python, [str(wheel)], write_constraints("pinned", "", (), Path(name)))
        work = Path(name, "work")
        work.mkdir()
        try_commands(python, work, ())


def release(root: Path, version: str, *, tag: bool, trial: Callable[[Path], None] = try_wheel) -> Path:
    """Makes the archives of a version, and with ``tag`` the commit and the tag.

    Args:
        root: The checkout.
        version: As in :func:`refuse`.
        tag: False: the checkout is put back.
        trial: What the wheel has to go through.

    Returns:
        The folder with both archives and their sums.

    Raises:
        ReleaseRefused: See :func:`refuse`; or what was built is not this version.
    """
    refuse(root, version)
    folder = root / "dist" / version
    # What an earlier try has left is none of this one, whether it comes to an end or not.
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(exist_ok=True)
    try:
        # Beside the folder: archives get there only when they have gone through everything.
        with tempfile.TemporaryDirectory(prefix=f".{version}-", dir=folder.parent) as name:
            built = Path(name, "archives")
            write_version(root, version, datetime.date.today())
            wheel = build(built)
            check_archives(built, version)
            trial(wheel)
            write_sums(built)
            if tag:
                _git(root, "commit", "--quiet", "--message", f"Version {version}", *PLACES)
                _git(root, "tag", "--annotate", f"v{version}", "--message", f"Version {version}")
            built.rename(folder)
    finally:
        _git(root, "checkout", "--quiet", "HEAD", "--", *PLACES)
    return folder


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(root), *words], check=True, capture_output=True, text=True).stdout


def main() -> None:
    """Reads the arguments and does what they say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", help="three numbers, as 0.2.0")
    parser.add_argument("--tag", action="store_true", help="commit the version and tag it")
    asked = parser.parse_args()
    try:
        folder = release(ROOT, asked.version, tag=asked.tag)
    except ReleaseRefused as error:
        sys.exit(f"release: {error}")
    print((folder / "SHA256SUMS").read_text(encoding="ascii"), end="")
    print(f"archives in {folder.relative_to(ROOT)}", f"; tagged v{asked.version}" * asked.tag, sep="")


if __name__ == "__main__":
    main()
