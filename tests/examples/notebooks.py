"""The notebooks of examples/: scripts in jupytext's percent format, each with a pair that Jupyter and Colab open.

    python -m tests.examples.notebooks

makes the pairs (``make notebooks``); a pair holds no outputs and nothing random, so that the same script gives the same
file.
"""

from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SCRIPTS = sorted(path for path in EXAMPLES.rglob("*.py") if "format_name: percent" in path.read_text(encoding="utf-8"))


def pair_of(script: Path) -> str:
    """What the notebook beside a script holds; needs jupytext."""
    import jupytext
    import nbformat

    notebook = jupytext.read(script)
    # Format 4.5 would ask for a random id in each cell.
    notebook["nbformat_minor"] = 4
    for cell in notebook["cells"]:
        cell.pop("id", None)
    notebook["metadata"] = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return nbformat.writes(notebook) + "\n"


def main() -> None:
    """Writes all pairs."""
    for script in SCRIPTS:
        script.with_suffix(".ipynb").write_text(pair_of(script), encoding="utf-8")


if __name__ == "__main__":
    main()
