"""What a page costs: seconds to make it and its figures, and bytes, of run folders and of their comparison.

python benchmarks/report_page.py outputs/a_run outputs/multirun/a_sweep
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from segexp.report.comparison_page.compare import compare
from segexp.report.run_page.charts.files import CHARTS, save_chart
from segexp.report.run_page.page import write_report

REPEATS = 5


def measured(name: str, work: Callable[[], Path]) -> None:
    """Prints the seconds of the processor that the first call and a later one take, and the bytes of the file."""
    seconds = []
    for _ in range(REPEATS):
        start = time.process_time()
        path = work()
        seconds.append(time.process_time() - start)
    later = sorted(seconds[1:])[len(seconds[1:]) // 2]
    print(f"{name:<24} first {seconds[0]:6.3f} s   later {later:6.3f} s   {path.stat().st_size:>10,} bytes")


def main(run: Path, several: Path) -> None:
    """Measures copies: nothing is written into the folders given."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "run")
        shutil.copytree(run, folder)
        measured("report.html", lambda: write_report(folder))
        for stem in CHARTS:
            measured(f"{stem}.png", lambda stem=stem: save_chart(folder, f"{stem}.png"))  # type: ignore[misc]
        measured("compare", lambda: compare([several]).write(Path(place, "out"))[-1])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
