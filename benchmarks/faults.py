"""Breaks what a training stands on, at ten moments of a run, and looks at what it says, leaves and can go on with.

    python benchmarks/faults.py [--fault full --fault handles] [--moment "first checkpoint"] [--keep FOLDER]

Faults: a full disk and a read-only one (a small file system in memory, so it needs root), a run folder that vanishes,
no more open files, no more memory. Each case is a training in a process of its own, in which the fault comes at one
moment; then it is lifted and the run resumed from what there is. A case is right if

- the run ends with an exit code from 1 to 2 and one line, or all the same with 0 and its figures,
- no line is a trace, and config.yaml, split.json and log.txt are there, or the line says what is not,
- after the resume, or a new start where no epoch was kept, all figures are those of the undisturbed run.

Prints a line for each case, and a table; exit code 1 if one is not right.
"""

import argparse
import contextlib
import csv
import ctypes
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SMALL = (
    "datamodule.size=32", "datamodule.train_images=6", "datamodule.val_images=3", "datamodule.test_images=3",
    "datamodule.crop_size=16", "datamodule.loader.batch_size=4", "datamodule.loader.num_workers=0", "model.base=2",
    "model.depth=2", "trainer.accelerator=cpu", "trainer.max_epochs=3", "panels=2", "metric=none", "bootstrap=0",
    "speed=off", "baselines=false", "trainer.progress=none",
)  # fmt: skip
MOMENTS = (
    "folder", "config", "first checkpoint", "metrics row", "step", "last checkpoint", "test", "per_image", "pictures",
    "page",
)  # fmt: skip
FAULTS = ("full", "read-only", "vanished", "handles", "memory")
DISK = 24 * 2**20
"""Bytes of the file system of a case."""
M_MMAP_THRESHOLD = -3
"""Number of the setting in malloc.h."""
SPARE = 2**20
"""Bytes of memory that a process may take beyond what it has, where it is short of it."""
TIMES = ("seconds",)


@dataclass
class Case:
    """One training with a fault."""

    moment: str
    fault: str
    place: Path
    code: int = 0
    said: list[str] = field(default_factory=list)
    out: str = ""
    problems: list[str] = field(default_factory=list)
    again: str = ""

    def __str__(self) -> str:
        line = self.said[-1].replace(str(self.place), "") if self.said else ""
        bad = f"  WRONG: {'; '.join(self.problems)}" if self.problems else ""
        return f"{self.fault:9} {self.moment:16} exit {self.code}  {self.again:9} {line[:400]}{bad}"


def main() -> None:
    """Runs the cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fault", action="append", choices=FAULTS)
    parser.add_argument("--moment", action="append", choices=MOMENTS)
    parser.add_argument("--keep", type=Path, help="folder to work in, kept at the end")
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    import segexp.training.train  # noqa: F401 - once for all cases, which are forks of this process

    with contextlib.ExitStack() as stack:
        folder = given.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        right = undisturbed(folder / "undisturbed")
        cases = []
        for fault in given.fault or FAULTS:
            for moment in given.moment or MOMENTS:
                cases.append(tried(Case(moment, fault, folder / f"{fault}_{moment.replace(' ', '_')}"), right))
                print(cases[-1], flush=True)
    print("\n" + table(cases))
    sys.exit(1 if any(case.problems for case in cases) else 0)


def table(cases: Sequence[Case]) -> str:
    """Moments in rows, faults in columns."""
    faults = list(dict.fromkeys(case.fault for case in cases))
    found = {(case.moment, case.fault): case for case in cases}
    lines = [f"{'':16}" + "".join(f"{fault:18}" for fault in faults)]
    for moment in dict.fromkeys(case.moment for case in cases):
        row = [found[moment, fault] for fault in faults]
        cells = [f"{case.code}, {'WRONG' if case.problems else case.again}" for case in row]
        lines.append(f"{moment:16}" + "".join(f"{cell:18}" for cell in cells))
    return "\n".join(lines)


# ---- processes


def undisturbed(place: Path) -> dict[str, Any]:
    """Figures of a run to which nothing happens."""
    place.mkdir(parents=True)
    code, said, _ = forked(place, [*SMALL], lambda: None)
    if code:
        raise RuntimeError(f"the undisturbed run failed: {said}")
    return figures(run_folders(place)[0])


def forked(place: Path, words: Sequence[str], before: Callable[[], None]) -> tuple[int, list[str], str]:
    """Runs a command in a fork of this process, in ``place``; gives its exit code, the lines on stderr, and stdout."""
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            os.chdir(place)
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            os._exit(_child(words, before))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        err.seek(0)
        out.seek(0)
        return code, err.read().decode(errors="replace").splitlines(), out.read().decode(errors="replace")


def _child(words: Sequence[str], before: Callable[[], None]) -> int:
    sys.stdout, sys.stderr = (os.fdopen(n, "w", buffering=1, encoding="utf-8", closefd=False) for n in (1, 2))
    from segexp.cli.app import run

    try:
        before()
        return run(list(words))
    except BaseException as error:
        import traceback

        traceback.print_exception(error)
        return 99


# ---- moments and faults


def hooks(moment: str, strike: Callable[[], None]) -> None:
    """Lets something happen once, right before a moment of the training that this process will run."""
    from segexp.evaluation.mask_test import MaskTest
    from segexp.runs.folder import RunFolder
    from segexp.tasks.base import BaseTask
    from segexp.training import endings, train, training_run
    from segexp.training.callbacks.checkpoint_io import AtomicCheckpointIO

    places: dict[str, tuple[Any, str, Callable[..., bool]]] = {
        "folder": (training_run, "own_run_folder", lambda *_: True),
        "config": (RunFolder, "write_yaml", lambda *given: given[1] == "config.yaml"),
        "first checkpoint": (AtomicCheckpointIO, "save_checkpoint", lambda *_: True),
        "metrics row": (RunFolder, "write_csv", _after(1, lambda *given: given[1] == "metrics.csv")),
        "step": (BaseTask, "training_step", _after(3, lambda *_: True)),
        "last checkpoint": (AtomicCheckpointIO, "save_checkpoint", _after(2, lambda *g: "last" in str(g[2]))),
        "test": (train, "test", lambda *_: True),
        "per_image": (RunFolder, "write_csv", lambda *given: given[1] == "per_image.csv"),
        "pictures": (MaskTest, "draw", lambda *_: True),
        "page": (endings, "write_page", lambda *_: True),
    }
    owner, name, when = places[moment]
    struck: list[bool] = []
    real: Callable[..., Any] = getattr(owner, name)

    def wrapped(*given: Any, **keys: Any) -> Any:
        if not struck and when(*given):
            struck.append(True)
            strike()
        return real(*given, **keys)

    setattr(owner, name, wrapped)


def _after(count: int, when: Callable[..., bool]) -> Callable[..., bool]:
    """True from the call after ``count`` others on."""
    seen: list[bool] = []

    def later(*given: Any) -> bool:
        seen.extend([True] if when(*given) else [])
        return len(seen) > count and when(*given)

    return later


def strike(case: Case) -> None:
    """Lets the fault come, in the process of the training."""
    (case.place / ".struck").touch()
    outputs = case.place / "outputs"
    if case.fault == "full":
        _fill(outputs / "ballast")
    elif case.fault == "read-only":
        # The log is open for writing, so the file system itself does not become read-only; a second view of it does.
        subprocess.run(["mount", "--bind", str(outputs), str(outputs)], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(outputs)], check=True)
    elif case.fault == "vanished":
        found = run_folders(case.place, with_record=False)
        target = found[0] if found else outputs
        target.rename(case.place / "moved")
    elif case.fault == "handles":
        # The lowest number that is free: none can be given any more.
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, free))
    else:
        # What was freed before is no help: all that is larger than a page is asked of the system.
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 4096)
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + SPARE
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _fill(path: Path) -> None:
    """Takes all room that the file system of a file has, to the last byte."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT)
    for size in (2**16, 2**12, 1):
        with contextlib.suppress(OSError):
            while True:
                os.write(handle, b"\0" * size)
    os.close(handle)


@contextlib.contextmanager
def disk(case: Case) -> Iterator[None]:
    """A small file system for the run folders, where the fault needs one."""
    outputs = case.place / "outputs"
    outputs.mkdir(parents=True)
    own = case.fault in ("full", "read-only")
    if own:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(outputs)], check=True)
    try:
        yield
    finally:
        if own:
            subprocess.run(["umount", str(outputs)], check=True)


def lift(case: Case) -> None:
    """Lets the fault be over; what was limited ended with its process."""
    outputs = case.place / "outputs"
    if case.fault == "full":
        (outputs / "ballast").unlink(missing_ok=True)
    elif case.fault == "read-only" and (case.place / ".struck").is_file():
        subprocess.run(["umount", str(outputs)], check=True)


# ---- what is right


def tried(case: Case, right: dict[str, Any]) -> Case:
    """Runs a case, lifts its fault, resumes, and compares."""
    with disk(case):
        case.code, case.said, case.out = forked(case.place, [*SMALL], lambda: hooks(case.moment, lambda: strike(case)))
        lift(case)
        _judge(case)
        found = run_folders(case.place, with_record=False)
        last = found[0] / "checkpoints" / "last.ckpt" if found else None
        done = bool(found) and (found[0] / "results.json").is_file()
        if case.code == 0 and done:
            case.again = "finished"
            _compare(case, found[0], right)
        elif last is not None and last.is_file():
            case.again = "resumed"
            _again(case, [f"resume={last.parent.parent.relative_to(case.place)}"], right)
        else:
            case.again = "new start"
            _again(case, [*SMALL], right)
    return case


def _judge(case: Case) -> None:
    text = "\n".join(case.said)
    if case.code not in (0, 1, 2):
        case.problems.append(f"exit code {case.code}")
    if "Traceback" in text or "Error:" in text.split(":")[0]:
        case.problems.append("a trace: " + " / ".join(case.said[-3:]))
    lines = [line for line in case.said if "log.txt: cannot be written" not in line]
    if case.code and len(lines) != 1:
        case.problems.append(f"{len(lines)} lines: " + " / ".join(lines[:3]))
    if not (case.place / ".struck").is_file():
        case.problems.append("the moment did not come")
    for folder in run_folders(case.place, with_record=False):
        if case.code and (folder / "checkpoints" / "last.ckpt").is_file() and "epochs are kept in" not in case.out:
            case.problems.append("last.ckpt is not named")
        missing = [name for name in ("config.yaml", "split.json", "log.txt") if not (folder / name).is_file()]
        named = [name for name in missing if name in text or folder.name in text or "folder is gone" in case.out]
        if missing and missing != named:
            case.problems.append(f"silently missing: {', '.join(missing)}")
        for path in (*folder.rglob("*.json"), *folder.rglob("*.ckpt")):
            if not _whole(path):
                case.problems.append(f"half written: {path.name}")


def _whole(path: Path) -> bool:
    """Whether a file can be read."""
    try:
        if path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        else:
            with path.open("rb") as stream:
                stream.seek(-22, os.SEEK_END)
                return stream.read(4) == b"PK\x05\x06"
    except (OSError, ValueError):
        return False
    return True


def _again(case: Case, words: Sequence[str], right: dict[str, Any]) -> None:
    before = set(run_folders(case.place, with_record=False))
    code, said, _ = forked(case.place, words, lambda: None)
    if code:
        case.problems.append(f"{case.again}: exit code {code}, {said[-1] if said else ''}")
        return
    now = run_folders(case.place, with_record=False)
    # Resumed, it is the folder that was there.
    _compare(case, next((folder for folder in now if folder not in before), now[0]), right)


def _compare(case: Case, folder: Path, right: dict[str, Any]) -> None:
    found = figures(folder)
    case.problems += [f"{case.again}: other {name}" for name in right if found.get(name) != right[name]]


def figures(folder: Path) -> dict[str, Any]:
    """All that a run measured; times left out."""
    found: dict[str, Any] = {}
    with contextlib.suppress(OSError), (folder / "metrics.csv").open(newline="", encoding="utf-8") as stream:
        found["metrics.csv"] = [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(stream)]
    with contextlib.suppress(OSError):
        content = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        found["results.json"] = {key: content[key] for key in ("checkpoint", "rows", "threshold")}
    return found


def run_folders(place: Path, *, with_record: bool = True) -> list[Path]:
    """Run folders of a case, the one that was moved away first."""
    moved = [place / "moved"] if (place / "moved" / "config.yaml").is_file() else []
    inside = [path for root in ("moved", "outputs") for path in sorted((place / root).glob("*/20*")) if path.is_dir()]
    return [path for path in [*moved, *inside] if not with_record or (path / "run.json").is_file()]


if __name__ == "__main__":
    main()
