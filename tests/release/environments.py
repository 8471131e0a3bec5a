"""Bare virtual environments: a wheel and what it asks for, at the versions that are tested, the lowest or newest."""

import os
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]

Versions = Literal["pinned", "lowest", "newest"]
"""pinned: those of constraints.txt. lowest: the lower bounds of pyproject.toml. newest: what the index has today."""

_PLAIN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_CONSTRAINT")


def plain_environment(**more: str) -> dict[str, str]:
    """The variables of this process without those that would let Python see another environment or this checkout."""
    return {**{name: value for name, value in os.environ.items() if name not in _PLAIN}, **more}


def make_environment(folder: Path) -> Path:
    """Makes a virtual environment with pip alone and gives its Python."""
    venv.create(folder, with_pip=True, clear=True)
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install(python: Path, requirements: Sequence[str], constraints: Path) -> None:
    """Installs into the environment of a Python, by uv: pip takes ten times as long to choose among so many.

    Raises:
        subprocess.CalledProcessError: No versions go together, as uv has said.
    """
    line = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python)]
    line += ["--constraint", str(constraints), *requirements]
    subprocess.run(line, check=True, env=plain_environment(**_as_uv(os.environ)))


def tested_torch() -> str:
    """The version of torch in constraints.txt: a plain ``torch`` would bring gigabytes for CUDA."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    (found,) = (line.removeprefix("torch==") for line in lines if line.startswith("torch=="))
    return found


def write_constraints(versions: Versions, torch: str, extras: Sequence[str], folder: Path) -> Path:
    """Writes the constraints file of an environment into a folder and gives its path.

    Args:
        versions: Which versions.
        torch: Version of torch, for the lowest and the newest.
        extras: Of the wheel; their lower bounds count as well.
        folder: Where to.
    """
    if versions == "pinned":
        return ROOT / "constraints.txt"
    of_torch = folder / "torch.txt"
    of_torch.write_text(f"torch=={torch}\n", encoding="utf-8")
    return of_torch if versions == "newest" else _lowest(of_torch, extras, folder / "lowest.txt")


def _lowest(of_torch: Path, extras: Sequence[str], target: Path) -> Path:
    """Lets uv choose the lowest versions of what pyproject.toml names, and for the rest the newest that fit."""
    wanted = [word for extra in extras for word in ("--extra", extra)]
    line = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--resolution", "lowest-direct"]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    line += ["--python-version", version, "--constraint", str(of_torch), *wanted, "--output-file", str(target)]
    subprocess.run([*line, str(ROOT / "pyproject.toml")], check=True, env=plain_environment(**_as_uv(os.environ)))
    return target


def _as_uv(variables: Mapping[str, str]) -> dict[str, str]:
    """What pip is told by variables about files on disk and certificates, as uv calls it."""
    names = {"PIP_FIND_LINKS": "UV_FIND_LINKS", "PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_CERT": "SSL_CERT_FILE"}
    return {uv: variables[pip] for pip, uv in names.items() if pip in variables}
