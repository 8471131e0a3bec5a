"""Every error that segexp raises on purpose: one class per cause.

The text names the file or key, what was found, what was expected and what to do. The command line prints that
text without a trace and ends with ``exit_code``.
"""

from collections.abc import Callable, Sequence


def one_line(error: BaseException) -> str:
    """An error of any library in a line: its kind and the first line of its words; of ours the words alone."""
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    if isinstance(error, SegexpError) and first:
        return first
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


class SegexpError(Exception):
    """Base of all errors of segexp; ``exit_code`` 1 means that the run failed."""

    exit_code = 1


class UserError(SegexpError):
    """Something that the user can mend: a key, a file, a combination of both."""

    exit_code = 2


class ConfigError(UserError):
    """A key, group or value of the configuration is unknown, of the wrong type or out of range."""


class MismatchError(UserError):
    """Two parts of the configuration do not fit each other (for example loss and number of classes)."""


class DataError(UserError):
    """A file or folder of the data set is missing, unreadable or holds what it should not."""


class UnreadableError(DataError):
    """A file is missing, damaged, or of a kind that is not taken."""


class TooLargeError(UnreadableError):
    """A file would take more memory than one image may."""


class SizeError(DataError):
    """Files that belong together have different sizes."""


class PlaceError(DataError):
    """Files that belong together say that they lie in different places on the ground."""


class LabelError(DataError):
    """A mask holds what is no class.

    Attributes:
        illegal: The values, where the message proposes what to write.
        proposal: Gives the line of the config that makes values legal.
    """

    illegal: frozenset[int] = frozenset()
    proposal: Callable[[Sequence[int]], str] | None = None


class TooFewError(DataError):
    """There are fewer images than a split needs."""


class ResourceError(SegexpError):
    """The machine, not the file, is at fault: memory, open files, disk, network drive. No image is left out for it."""


class RunFolderGoneError(ResourceError):
    """The run folder was moved or removed while the run goes on."""


class FolderTakenError(RunFolderGoneError):
    """The run folder was taken over by another process while the run goes on."""


class DivergedError(SegexpError):
    """Training left the range of numbers: the model gives nan."""


class MissingExtraError(UserError):
    """An optional feature was asked for whose package is not installed."""


class Interrupted(SegexpError):
    """A signal ended the work, Ctrl-C or another; the exit code is as shells have it, 128 and its number."""

    def __init__(self, message: str, exit_code: int = 130) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Pruned(SegexpError):
    """A search has ended its trial early; no failure."""

    exit_code = 0


class StoredError(DataError):
    """A stored file asks for more than data may: code of other packages, a file elsewhere, the environment.

    Attributes:
        word: The word that takes the value all the same when the command gives it; empty: there is none.
        key: Its key.
    """

    word: str = ""
    key: str = ""
