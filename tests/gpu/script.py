"""All that is tried on a GPU, in one command of under eight minutes, which needs no network.

    python3 -m tests.gpu.script [--out FOLDER] [--seconds 460] [--device cpu]

For a machine that has CUDA, PyTorch and pytest; what else segexp needs is taken from wheels in ``.whl/`` where that
folder is there. The most telling steps come first; each has a limit of its own, and none runs beyond the end. After
each step ``steps.json`` is written anew; ``figures.jsonl`` gets every figure when it is known, ``log.txt`` all that is
said.
``--device cpu`` runs the same steps with the processor as the device and tiny sizes, to try the script itself.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WHEELS = ROOT / ".whl"
PYTEST = ("-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "--durations=8")
TINY = ("--side", "32", "--batch", "2", "--steps", "2", "--rounds", "1", "--photograph", "64", "--device", "cpu")
"""Sizes with which the benchmark itself is tried on a processor."""
VERSIONS = (
    "import os, platform, sys, torch, lightning; there = torch.cuda.is_available(); "
    "print(platform.python_version(), torch.__version__, lightning.__version__, "
    "torch.cuda.get_device_name() if there else 'no CUDA'); "
    "sys.exit(not there and os.environ['SEGEXP_TEST_DEVICE'] == 'cuda')"
)
"""Says what is there; without the device that is asked for, all tests would be skipped and look like passed ones."""


@dataclass(frozen=True)
class Step:
    """One command.

    Attributes:
        name: What it tries.
        words: Arguments of Python.
        seconds: Limit.
    """

    name: str
    words: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """What came of a step; ``code`` None: it was cut off, or there was no time left for it."""

    name: str
    code: int | None
    seconds: float
    last: str


def steps(device: str, figures: Path) -> list[Step]:
    """All steps, the most telling first."""
    tiny = TINY if device == "cpu" else ()
    benchmark = ("-m", "benchmarks.gpu_throughput", "--figures", str(figures), *tiny)
    system_1 = (*benchmark, "--models", *(("--epochs", "1") if tiny else ()))
    rates = (*benchmark, "--epochs", "0", *(("--models", "cunet") if tiny else ("--rounds", "2")))
    return [
        Step("versions", ("-c", VERSIONS), 60),
        Step("data, determinism", (*PYTEST, "tests/gpu/test_data.py", "tests/gpu/test_determinism.py"), 90),
        Step("system 1", system_1, 90),
        Step("throughput", rates, 150),
        Step("whole runs", (*PYTEST, "tests/gpu/test_runs.py"), 120),
        Step("models", (*PYTEST, "tests/gpu/test_models.py"), 200),
    ]


def main() -> int:
    """Runs the steps; gives 0 where all passed."""
    given = _arguments()
    given.out.mkdir(parents=True, exist_ok=True)
    figures = (given.out / "figures.jsonl").resolve()
    end = time.monotonic() + given.seconds
    environment = _environment(given.device, figures)
    outcomes: list[Outcome] = []
    for step in steps(given.device, figures):
        outcomes.append(_run(step, min(step.seconds, end - time.monotonic()), environment, given.out / "log.txt"))
        _write(given.out / "steps.json", [asdict(outcome) for outcome in outcomes])
        found = outcomes[-1]
        line = f"{found.name:<20} {_word(found.code):<10} {found.seconds:6.1f} s  {found.last}"
        print(line, flush=True)  # noqa: T201 - what a person waits for
        if outcomes[0].code != 0:
            break
    return 0 if all(outcome.code == 0 for outcome in outcomes) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", "outputs/gpu")))
    parser.add_argument("--seconds", type=float, default=460.0, help="for all steps together")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    return parser.parse_args()


def _environment(device: str, figures: Path) -> dict[str, str]:
    """Variables of every step: the package, and what stands beside it in wheels."""
    paths = [str(ROOT)]
    if WHEELS.is_dir() and importlib.util.find_spec("hydra") is None:
        site = Path("/tmp") / "segexp_site"
        options = ("-q", "--no-index", "--no-deps", "--no-compile", "--no-cache-dir", "--upgrade")
        wheels = map(str, sorted(WHEELS.glob("*.whl")))
        pip = [sys.executable, "-m", "pip", "install", *options, "--target", str(site), *wheels]
        subprocess.run(pip, check=True)
        paths.insert(0, str(site))
    return {
        **os.environ, "PYTHONPATH": os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        "SEGEXP_TEST_DEVICE": device, "SEGEXP_GPU_FIGURES": str(figures), "NO_ALBUMENTATIONS_UPDATE": "1",
        "PYTHONUNBUFFERED": "1",
    }  # fmt: skip


def _run(step: Step, seconds: float, environment: Mapping[str, str], log: Path) -> Outcome:
    """Runs a step, all that it says in the log; it is killed at its limit."""
    begin = time.monotonic()
    code: int | None = None
    if seconds > 0:
        with log.open("a", encoding="utf-8") as stream:
            stream.write(f"\n==== {step.name}\n")
            stream.flush()
            command: Sequence[str] = (sys.executable, *step.words)
            try:
                code = subprocess.run(
                    command, cwd=ROOT, env=dict(environment), stdout=stream, stderr=subprocess.STDOUT,
                    stdin=subprocess.DEVNULL, timeout=seconds, check=False,
                ).returncode  # fmt: skip
            except subprocess.TimeoutExpired:
                code = None
    said = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.is_file() else []
    last = next((line.strip() for line in reversed(said) if line.strip()), "")
    return Outcome(step.name, code, round(time.monotonic() - begin, 1), last)


def _word(code: int | None) -> str:
    return "cut off" if code is None else "passed" if code == 0 else f"exit {code}"


def _write(path: Path, content: object) -> None:
    """Whole or not at all."""
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
    temporary.replace(path)


if __name__ == "__main__":
    sys.exit(main())
