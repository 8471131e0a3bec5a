"""Runs the notebooks of examples/ as Colab would: in an environment that has Jupyter's kernel and nothing of segexp."""

import time
from collections.abc import Sequence
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from tests.release.environments import ROOT, install, make_environment, plain_environment

LIMIT = 3600
"""Seconds that a cell may take: the first one of all installs torch, on a busy machine in half an hour."""


class _OneKernel(KernelSpecManager):  # type: ignore[misc] # publishes no types
    """Knows one kernel: that of a given Python."""

    def __init__(self, python: Path) -> None:
        super().__init__()
        self._python = python

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The kernel, whatever its name."""
        line = [str(self._python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=line, display_name=kernel_name, language="python")


def try_notebooks(folder: Path, wheel: Path, constraints: Path, names: Sequence[str] = ()) -> None:
    """Runs each notebook from its first cell, which installs the wheel, to its last, and says how long it took.

    Args:
        folder: Where the environment and what the notebooks write go.
        wheel: What the variable of the first cell is set to.
        constraints: Versions of what the wheel asks for.
        names: Of notebooks, without ``.ipynb``; empty: all.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell failed.
        KeyError: There is no notebook of this name.
    """
    found = {path.stem: path for path in sorted((ROOT / "examples").rglob("*.ipynb"))}
    chosen = [found[name] for name in names or found]
    python = make_environment(folder / "kernel")
    install(python, ["ipykernel"], constraints)
    for path in chosen:
        notebook = nbformat.read(path, as_version=4)
        _set_wheel(notebook.cells, wheel)
        start = time.perf_counter()
        work = folder / "notebooks" / path.stem
        work.mkdir(parents=True)
        _client(notebook, work, python).execute(env=plain_environment(PIP_CONSTRAINT=str(constraints)))
        print(f"{time.perf_counter() - start:7.1f} s  {path.relative_to(ROOT)}", flush=True)


def _set_wheel(cells: list[nbformat.NotebookNode], wheel: Path) -> None:
    """Writes the path of the wheel into the first cell of code, as a reader would."""
    cell = next(cell for cell in cells if cell.cell_type == "code")
    before = cell.source
    cell.source = before.replace('SEGEXP = "segexp', f'SEGEXP = "{wheel}', 1)
    if cell.source == before:
        raise RuntimeError(f"the first cell sets no SEGEXP: {before[:200]}")


def _client(notebook: nbformat.NotebookNode, work: Path, python: Path) -> NotebookClient:
    manager = AsyncKernelManager(kernel_spec_manager=_OneKernel(python))
    return NotebookClient(
        notebook, timeout=LIMIT, startup_timeout=LIMIT, km=manager, resources={"metadata": {"path": str(work)}}
    )
