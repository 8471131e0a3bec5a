"""Builds the wheel and tries it in a bare environment: import, check, a run, its model at work, tests, notebooks.

    python -m tests.release.wheel pinned --notebooks
    python -m tests.release.wheel lowest

Nothing of this checkout is on the path there but, for the tests, a copy of all folders except ``segexp/``. Needs build
and uv, and for notebooks nbclient (``make test-wheel``, ``test-lowest``, ``test-newest``).
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from tests.release.environments import (
    ROOT,
    Versions,
    install,
    make_environment,
    plain_environment,
    tested_torch,
    write_constraints,
)

EXTRAS = ("geo", "vector", "search", "tensorboard", "wandb", "test")
"""Installed for the tests; not mlflow, ray and demo, which would decide most versions, nor zoo (torchvision)."""
TESTS = (
    "losses", "metrics", "models", "rasters", "windows", "api", "inference/export", "report/charts", "sweeps/search",
)  # fmt: skip
"""Rooms whose tests lean most on other packages."""
SHORT = ("trainer.max_epochs=2",)


def build(out: Path) -> Path:
    """Builds source archive and, from it, the wheel into a folder; gives the wheel's path."""
    line = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
    (wheel,) = out.glob("*.whl")
    return wheel


def try_commands(python: Path, work: Path, training: Sequence[str] = SHORT) -> None:
    """Runs segexp as a user would, in an empty folder: import, check, a training, export, prediction, comparison.

    Args:
        python: That of the bare environment.
        work: Empty folder.
        training: Words of the training; none: the default experiment as it is.

    Raises:
        subprocess.CalledProcessError: A command failed.
        RuntimeError: What was imported is not the installed package, or the run has left no report.
    """
    place = _run(python, work, "-c", "import segexp; print(segexp.__file__)").strip()
    if python.parents[1].resolve() not in Path(place).resolve().parents:
        raise RuntimeError(f"segexp was imported from {place}, expected it below {python.parents[1]}")
    _run(python, work, "-m", "segexp", "check")
    _run(python, work, "-m", "segexp", *training, "trainer.progress=none")
    (run,) = work.glob("outputs/*/*")
    if not (run / "report.html").is_file():
        raise RuntimeError(f"{run} holds no report.html")
    _run(python, work, "-m", "segexp", "export", f"run={run}", "format=torch_export", "images=2", "rounds=0")
    _run(python, work, "-m", "segexp", "generate", "scene=vessels", "layout=folder", "count=3", "out=more")
    _run(python, work, "-m", "segexp", "predict", f"run={run}", "input=more/images", "output=masks")
    _run(python, work, "-m", "segexp", "compare", "outputs")


def _run(python: Path, work: Path, *words: str) -> str:
    """Runs Python in a folder, says how long it took, and gives what it printed."""
    start = time.perf_counter()
    line = [str(python), *words]
    done = subprocess.run(line, cwd=work, env=plain_environment(), capture_output=True, text=True, check=False)
    shown = " ".join(word for word in words if word != "-m")
    print(f"{time.perf_counter() - start:7.1f} s  {shown[:100]}", flush=True)
    if done.returncode != 0:
        print(done.stdout[-4000:], done.stderr[-4000:], sep="\n", file=sys.stderr)
        done.check_returncode()
    return done.stdout


def try_tests(python: Path, work: Path, chosen: Sequence[str]) -> None:
    """Runs tests against the installed package, from a copy beside which no package lies.

    Raises:
        subprocess.CalledProcessError: Some fail; pytest has said which.
    """
    copy = work / "checkout"
    for name in ("tests", "benchmarks", "conf", "docs", "examples"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    paths = [path if path.startswith("-") else f"tests/{path}" for path in chosen]
    start = time.perf_counter()
    line = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths]
    subprocess.run(line, cwd=copy, env=plain_environment(), check=True)
    print(f"{time.perf_counter() - start:7.1f} s  tests", flush=True)


def main() -> None:
    """Reads the arguments and does what they say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", choices=get_args(Versions), help="of the packages that segexp needs")
    parser.add_argument("--torch", default=tested_torch(), help="version of torch, for lowest and newest")
    parser.add_argument("--tests", nargs="*", help="folders below tests/; alone: a selection")
    parser.add_argument("--notebooks", nargs="*", help="names of notebooks of examples/ to run too; alone: all")
    asked = parser.parse_args()
    chosen = TESTS if asked.tests == [] else asked.tests or ()
    extras = EXTRAS if chosen else ()
    with tempfile.TemporaryDirectory(prefix="segexp-bare-") as name:
        folder = Path(name)
        wheel = build(folder / "dist")
        constraints = write_constraints(asked.versions, asked.torch, extras, folder)
        python = make_environment(folder / "environment")
        install(python, [f"{wheel}[{','.join(extras)}]" if extras else str(wheel)], constraints)
        _print_versions(python, folder)
        (folder / "work").mkdir()
        try_commands(python, folder / "work")
        if chosen:
            try_tests(python, folder, chosen)
        if asked.notebooks is not None:
            from tests.release.notebooks import try_notebooks

            try_notebooks(folder, wheel, constraints, asked.notebooks)


def _print_versions(python: Path, folder: Path) -> None:
    """Prints what was installed."""
    line = [str(python), "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"]
    listed = subprocess.run(line, cwd=folder, env=plain_environment(), capture_output=True, text=True, check=True)
    print(*listed.stdout.split(), flush=True)


if __name__ == "__main__":
    main()
