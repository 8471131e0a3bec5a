"""All of the fuzz for a chosen time: python -m tests.fuzz --seconds 600 --seed 0 (``make fuzz``).

A fifth of the time goes to the properties and the faulty commands, two fifths each to files and to configs.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
ENOUGH = 10_000_000
"""More cases than any time allows."""


def main(argv: Sequence[str] | None = None) -> int:
    """The command; its exit code is 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args(argv)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    end = time.monotonic() + asked.seconds
    codes = [_tests(asked.seed, examples=max(12, int(asked.seconds / 2)))]
    shared = ["--seed", str(asked.seed), "--jobs", str(asked.jobs)]
    codes.append(_run("tests.fuzz.files", *shared, "--seconds", str(max(1.0, (end - time.monotonic()) / 2))))
    left = max(1.0, end - time.monotonic())
    # As many as the time allows, a tenth of them started.
    codes.append(_run("tests.fuzz.configs", *shared, "--seconds", str(left), "--accepted", str(ENOUGH)))
    return int(any(codes))


def _tests(seed: int, examples: int) -> int:
    names = ["test_properties.py", "test_faulty_configs.py", "test_found.py"]
    words = ["-q", "-m", "slow or not slow", f"--hypothesis-seed={seed}", *(str(HERE / name) for name in names)]
    return _run("pytest", *words, SEGEXP_FUZZ_EXAMPLES=str(examples))


def _run(module: str, *words: str, **more: str) -> int:
    print(f"--- {module}", flush=True)
    return subprocess.run([sys.executable, "-m", module, *words], env={**os.environ, **more}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
