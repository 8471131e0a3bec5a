"""Reads a pickle as data: nothing that it names is imported, nothing that it calls is called.

Lists, dicts, texts and numbers come out as they are. A class or function is its name, :class:`Named`; what calling it
would make is a :class:`Made`, with its arguments; what lies outside of the pickle, as the values of tensors do, is an
:class:`Outside`. Time and memory are bounded by the size of the pickle.
"""

import pickletools
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Protocol, cast

MOST_OPERATIONS = 3_000_000
"""Of one pickle. A checkpoint of a network of 1,000 tensors with its optimizer has some 100,000."""
MOST_BYTES = 64_000_000
"""Of the pickle of a file; values of tensors do not count."""
_LARGEST_KEY = 2**60
"""Larger whole numbers can be chosen so that all of them fall on one place of a dict."""


_SIZED = ("builtins.bytearray", "Tensor", "Storage")
"""Ends of the names of what makes as many values as it is told."""


class PickleBombError(ValueError):
    """A pickle takes more memory or time than its file could need."""


class Binary(Protocol):
    """A file that is open for reading bytes."""

    def read(self, size: int = ..., /) -> bytes:
        """Gives at most so many bytes."""

    def readline(self, size: int = ..., /) -> bytes:
        """Gives a line, at most so many bytes of it."""


@dataclass(frozen=True)
class Named:
    """A class or function that a pickle names.

    Attributes:
        name: Dotted, ``collections.OrderedDict``.
    """

    name: str


@dataclass(eq=False)
class Made:
    """Stands for the object that a class or function of a pickle would have made.

    Attributes:
        maker: What would be called, as a rule a :class:`Named`.
        arguments: What it would be called with.
        state: What would be put into it.
        items: What would be added to it, as pairs or one by one.
    """

    maker: Any
    arguments: Any
    state: Any = None
    items: list[Any] = field(default_factory=list)


@dataclass(eq=False)
class Outside:
    """Stands for an object that a pickle numbers only, as ``("storage", FloatStorage, "0", "cpu", 432)``."""

    number: Any


@dataclass(eq=False)
class Key:
    """Stands for a key of a dict that no file of ours has: a tuple, an object, a huge number."""

    value: Any


class Bounded:
    """Part of a file: reads no further than so many bytes, whatever the pickle says that it holds."""

    def __init__(self, file: Binary, most: int) -> None:
        """Takes a file at its place."""
        self._file, self._left = file, most

    def read(self, size: int = -1, /) -> bytes:
        """Reads at most so many bytes."""
        return self._taken(self._file.read(self._left if size < 0 else min(size, self._left)))

    def readline(self, size: int = -1, /) -> bytes:
        """Reads a line, at most so many bytes of it."""
        return self._taken(self._file.readline(self._left if size < 0 else min(size, self._left)))

    def _taken(self, found: bytes) -> bytes:
        self._left -= len(found)
        return found


@dataclass(frozen=True)
class Unpickled:
    """Content of a pickle that was read as data, and the classes and functions that it names.

    Attributes:
        value: Lists, dicts, texts, numbers and the classes above.
        names: Each class and function that it names, once, in order.
        calls: What it would call.
        operations: Kinds of operations that it consists of.
    """

    value: Any
    names: tuple[str, ...]
    calls: tuple[Made, ...]
    operations: frozenset[str] = frozenset()


def read_pickle(file: Binary, most: int = MOST_BYTES) -> Unpickled:
    """Reads one pickle, up to its end; the file stays behind it.

    Args:
        file: At its begin.
        most: Bytes of the whole file: no value has more.

    Raises:
        PickleBombError: It is larger than any of ours, or makes something of more values than ``most``:
            ``bytearray(10**12)`` is taken by ``weights_only=True``, which asks what is called, and not how large it is.
        ValueError: It is none, is cut short, or of operations that no file of torch has.
    """
    machine = _Machine(most)
    operations: set[str] = set()
    count = 0
    try:
        for operation, argument, _ in pickletools.genops(cast(IO[bytes], Bounded(file, MOST_BYTES))):
            count += 1
            if count > MOST_OPERATIONS:
                raise PickleBombError(f"its pickle has more than {MOST_OPERATIONS:,} operations")
            operations.add(operation.name)
            machine.take(operation.name, argument)
        return Unpickled(machine.stack.pop(), tuple(machine.names), tuple(machine.calls), frozenset(operations))
    except (IndexError, KeyError, TypeError, AttributeError, OverflowError, UnicodeError, MemoryError) as error:
        raise ValueError(f"its pickle makes no sense ({type(error).__name__})") from error


_CONSTANTS = frozenset({
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
    "BINBYTES8", "BYTEARRAY8",
})  # fmt: skip
_FRESH: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
    "EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_TUPLE": tuple, "EMPTY_SET": lambda: Made(Named("builtins.set"), ()),
}  # fmt: skip
_ENDS = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_NOTHING = frozenset({"PROTO", "FRAME", "STOP"})


class _Machine:
    """The stack on which a pickle builds what it holds, with names in the place of what they name."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.stack: list[Any] = []
        self.marked: list[list[Any]] = []
        self.memo: dict[Any, Any] = {}
        self.names: dict[str, None] = {}
        self.calls: list[Made] = []

    def take(self, operation: str, argument: Any) -> None:
        """Does one operation."""
        if operation in _NOTHING:
            return
        if operation in _CONSTANTS:
            self.stack.append(argument)
        elif operation in _FRESH:
            self.stack.append(_FRESH[operation]())
        elif operation in _ENDS:
            self.stack[-_ENDS[operation] :] = [tuple(self.stack[-_ENDS[operation] :])]
        elif operation == "MARK":
            self.marked.append(self.stack)
            self.stack = []
        elif (taken := getattr(self, f"_{operation.lower()}", None)) is not None:
            taken(argument)
        else:
            raise ValueError(f"its pickle has the operation {operation}, which torch never writes")

    # ---- what was put aside

    def _put(self, number: Any) -> None:
        self.memo[number] = self.stack[-1]

    _binput = _long_binput = _put

    def _memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def _get(self, number: Any) -> None:
        self.stack.append(self.memo[number])

    _binget = _long_binget = _get

    # ---- the stack

    def _pop(self, _: Any) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.stack = self.marked.pop()

    def _pop_mark(self, _: Any = None) -> list[Any]:
        found, self.stack = self.stack, self.marked.pop()
        return found

    def _dup(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    # ---- lists, tuples, dicts

    def _list(self, _: Any) -> None:
        found = self._pop_mark()
        self.stack.append(found)

    def _tuple(self, _: Any) -> None:
        found = tuple(self._pop_mark())
        self.stack.append(found)

    def _dict(self, _: Any) -> None:
        found = self._pop_mark()
        self.stack.append(dict(_pairs(found)))

    def _frozenset(self, _: Any) -> None:
        found = self._pop_mark()
        self.stack.append(Made(Named("builtins.frozenset"), (found,)))

    def _append(self, _: Any) -> None:
        item = self.stack.pop()
        _extend(self.stack[-1], [item])

    def _appends(self, _: Any) -> None:
        items = self._pop_mark()
        _extend(self.stack[-1], items)

    _additems = _appends

    def _setitem(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        _update(self.stack[-1], [key, value])

    def _setitems(self, _: Any) -> None:
        items = self._pop_mark()
        _update(self.stack[-1], items)

    # ---- classes and functions

    def _name(self, name: str) -> Named:
        self.names[name] = None
        return Named(name)

    def _global(self, argument: str) -> None:
        self.stack.append(self._name(_today(argument)))

    def _stack_global(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise ValueError("its pickle names a class by what is no text")
        self.stack.append(self._name(f"{module}.{name}"))

    def _make(self, maker: Any, arguments: Any) -> None:
        if maker == Named("collections.OrderedDict") and arguments == ():
            self.stack.append({})
            return
        sized = isinstance(maker, Named) and maker.name.endswith(_SIZED) and isinstance(arguments, tuple)
        if sized and any(isinstance(value, int) and value > self.most for value in arguments):
            raise PickleBombError(f"its pickle makes a {maker.name} of more values than the file has bytes")
        made = Made(maker, arguments)
        self.calls.append(made)
        self.stack.append(made)

    def _reduce(self, _: Any) -> None:
        arguments, maker = self.stack.pop(), self.stack.pop()
        self._make(maker, arguments)

    _newobj = _reduce

    def _newobj_ex(self, _: Any) -> None:
        keywords, arguments, maker = self.stack.pop(), self.stack.pop(), self.stack.pop()
        self._make(maker, (arguments, keywords))

    def _inst(self, argument: str) -> None:
        arguments = tuple(self._pop_mark())
        self._make(self._name(_today(argument)), arguments)

    def _obj(self, _: Any) -> None:
        maker, *arguments = self._pop_mark()
        self._make(maker, tuple(arguments))

    def _build(self, _: Any) -> None:
        state = self.stack.pop()
        if isinstance(self.stack[-1], Made):
            self.stack[-1].state = state

    # ---- what lies elsewhere

    def _persid(self, number: str) -> None:
        self.stack.append(Outside(number))

    def _binpersid(self, _: Any) -> None:
        number = self.stack.pop()
        if isinstance(number, tuple) and any(isinstance(part, int) and part > self.most for part in number):
            raise PickleBombError("its pickle says that a tensor has more values than the file has bytes")
        self.stack.append(Outside(number))


def _today(argument: str) -> str:
    """The dotted name of a class by the name that Python 2 had for it, as pickles of torch still have it."""
    module, _, name = argument.partition(" ")
    return ".".join(NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name)))


def _extend(place: Any, items: list[Any]) -> None:
    (place.items if isinstance(place, Made) else place).extend(items)


def _update(place: Any, items: list[Any]) -> None:
    if isinstance(place, Made):
        place.items.extend(items)
    else:
        place.update(_pairs(items))


def _pairs(items: list[Any]) -> Iterator[tuple[Any, Any]]:
    for key, value in zip(items[::2], items[1::2], strict=True):
        yield _key(key), value


def _key(key: Any) -> Any:
    if isinstance(key, str | bytes | bool | float | None):
        return key
    return key if isinstance(key, int) and abs(key) < _LARGEST_KEY else Key(key)
