"""Start-up cost: processor and wall time of commands that must answer at once, beside importing torch.

    python benchmarks/startup.py [--repeat 5]

Prints the median of each and its share of ``import torch`` in the same run.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "--help": ["-m", "segexp", "--help"],
    "--cfg job": ["-m", "segexp", "--cfg", "job"],
    "mistyped key": ["-m", "segexp", "optimizer.lrr=1"],
    "mistyped option": ["-m", "segexp", "model=cunte"],
    "mistyped value": ["-m", "segexp", "model.upsample=transposd"],
    "check scope=config": ["-m", "segexp", "check", "scope=config"],
    "import torch": ["-c", "import torch"],
}


def main() -> None:
    """Runs every command a few times and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    times = {name: [_run(command) for _ in range(repeat)] for name, command in COMMANDS.items()}
    reference = statistics.median(cpu for cpu, _ in times["import torch"])
    print(f"{'command':<18}{'processor s':>12}{'wall s':>9}{'vs import torch':>17}")
    for name, pairs in times.items():
        cpu = statistics.median(pair[0] for pair in pairs)
        wall = statistics.median(pair[1] for pair in pairs)
        print(f"{name:<18}{cpu:>12.2f}{wall:>9.2f}{cpu / reference:>17.2f}")


def _run(command: list[str]) -> tuple[float, float]:
    """Processor time (user and system) and wall time of a command, seconds."""
    before, start = os.times(), time.perf_counter()
    subprocess.run([sys.executable, *command], capture_output=True, check=False)
    wall, after = time.perf_counter() - start, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return cpu, wall


if __name__ == "__main__":
    main()
