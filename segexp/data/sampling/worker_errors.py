"""What goes wrong while a sample is made, also in a loading process: said in one line that names the image."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from torch.utils.data import get_worker_info

from segexp.data.sampling.worker_board import WorkerBoard, note_work, work_of
from segexp.errors import ResourceError, SegexpError, UserError
from segexp.system.causes import resource_error
from segexp.system.free_memory import free_memory, gib, oom_kills

MARK = "\x1e"
"""Stands before the message where torch carries it, behind the trace of the loading process, to the main one."""


class SampleError(UserError):
    """A sample could not be made.

    torch raises an error of a loading process anew in the main one, from its class and a text that has the trace of the
    loading process first. The trace becomes a note, which is shown with ``debug=true`` only.
    """

    def __init__(self, text: str) -> None:
        trace, _, message = text.rpartition(MARK)
        super().__init__(message.strip())
        if trace:
            self.add_note(trace)

    def __str__(self) -> str:
        mark = MARK if get_worker_info() is not None else ""
        return mark + super().__str__()


class WorkerKilledError(SegexpError):
    """A loading process was ended from outside."""


class Making:
    """The sample that a worker is making; the image is filled in as soon as it is known.

    Attributes:
        what: The sample in words.
    """

    def __init__(self, what: str, image: str = "") -> None:
        self.what = what
        self.image = image

    @property
    def image(self) -> str:
        """Name of its image; empty as long as it is not known."""
        return self._image

    @image.setter
    def image(self, name: str) -> None:
        self._image = name
        note_work(f"{self.what}, image {name}" if name else self.what)


@contextmanager
def naming(what: str, image: str = "") -> Iterator[Making]:
    """Whatever goes wrong inside becomes one line with the name of the image.

    Args:
        what: The sample in words.
        image: Name of its image, where it is known already.

    Raises:
        SampleError: For any error but the user errors of the main process, which pass as they are.
    """
    making = Making(what, image)
    try:
        yield making
        note_work("")
    except UserError as error:
        if get_worker_info() is None:
            raise
        raise SampleError(_named(str(error), making)) from error
    except MemoryError as error:
        raise SampleError(f"{making.image or making.what}: not enough memory for it; {_less_memory()}") from error
    except ResourceError as error:
        if get_worker_info() is None:
            raise
        raise SampleError(_named(str(error), making)) from error
    except Exception as error:
        if (refused := resource_error(error, making.image or making.what)) is not None:
            raise SampleError(str(refused)) from error
        text = " ".join(str(error).split())
        raise SampleError(
            f"{making.image or 'unknown image'}: {making.what} could not be made: {type(error).__name__}: {text}"
        ) from error


def _named(message: str, making: Making) -> str:
    return message if not making.image or making.image in message else f"{making.image}: {message}"


_DEATH = re.compile(r"DataLoader worker \(pid(?:\(s\))? (\d+)[\d, ]*\) (.*)")
_CRASHES = ("Segmentation fault", "Aborted", "Illegal instruction", "Floating point exception")


def killed_worker(error: BaseException) -> WorkerKilledError | None:
    """The error to show where torch found that a loading process had ended; None: it was something else."""
    found = _DEATH.search(str(error)) if isinstance(error, RuntimeError) else None
    if found is None:
        return None
    how, known = found[2].split(". ")[0].rstrip(". "), work_of(int(found[1]))
    start = f"a loading process ended ({how})"
    if known is not None:
        work, _ = known
        doing = f"while it made {work.what}" if work.what else "while it waited"
        start = f"{start} {doing} (worker {work.worker}, process {work.pid})"
    if "Bus error" in str(error):
        return WorkerKilledError(
            f"{start}: shared memory (/dev/shm) ran out. Use fewer of them "
            "(datamodule.loader.num_workers=0), a smaller batch_size or prefetch_factor, or a larger /dev/shm "
            "(docker run --shm-size=8g)"
        )
    if any(crash in how for crash in _CRASHES):
        return WorkerKilledError(
            f"{start}: a library crashed in it. Look at that file; with datamodule.loader.num_workers=0 no other "
            "process takes part"
        )
    killed = known is not None and _was_short_of_memory(known[1])
    sure = "by the system" if killed else "most likely by the system"
    return WorkerKilledError(
        f"{start}, {sure} because memory ran out: {gib(free_memory())} are free now. {_less_memory()}"
    )


def _was_short_of_memory(board: WorkerBoard) -> bool:
    """Whether the system has ended a process of this container for lack of memory since the loader was made."""
    now = oom_kills()
    return now is not None and board.oom_kills is not None and now > board.oom_kills


def _less_memory() -> str:
    return (
        "Use fewer loading processes (datamodule.loader.num_workers=0), a smaller batch_size, crop_size or "
        "prefetch_factor, or datamodule.cache=none"
    )
