"""Pickles read as data."""

import io
import os
import pickle
import resource
import struct
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

from segexp.runs.pickled.reader import Key, Made, Named, PickleBombError, read_pickle


class Calls:
    """A pickle of it calls a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.arguments


PLAIN = {
    "numbers": [0, -1, 300, 70_000, 2**40, -(2**70), 1.5, True, None],
    "texts": ["", "ä\n", b"\x00\xff", "x" * 300],
    "nested": ({"a": [1, (2, 3)], 5: {}}, (), [], (1,), (1, 2)),
}


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_are_read_as_pickle_reads_them(protocol: int) -> None:
    value = {**PLAIN, "texts": ["", "ä\n", "x" * 300]} if protocol < 3 else PLAIN
    found = read_pickle(io.BytesIO(pickle.dumps(value, protocol)))
    assert found.value == value
    assert found.names == ()


def test_values_that_stand_twice_are_one() -> None:
    inner = [1]
    found = read_pickle(io.BytesIO(pickle.dumps([inner, inner]))).value
    assert found[0] is found[1]


def test_names_are_told_and_nothing_is_called() -> None:
    content = pickle.dumps({"a": Calls(os.system, "touch canary"), "b": OrderedDict(x=1)}, 2)
    found = read_pickle(io.BytesIO(content))
    assert found.names == ("posix.system", "collections.OrderedDict")
    assert found.value["b"] == {"x": 1}
    made = found.value["a"]
    assert isinstance(made, Made)
    assert (made.maker, made.arguments) == (Named("posix.system"), ("touch canary",))
    assert not Path("canary").exists()


def test_what_python_2_called_otherwise_has_its_name_of_today() -> None:
    assert read_pickle(io.BytesIO(b"c__builtin__\nset\n.")).names == ("builtins.set",)


HOSTILE = {
    "more bytes than there are": b"X" + struct.pack("<I", 2**31) + b"a.",
    "more than a disk has": b"\x8d" + struct.pack("<Q", 2**62) + b"a.",
    "a place far away": b"Nr" + struct.pack("<I", 2**32 - 1) + b"h\x07.",
    "no end": b"(" * 100_000,
    "an empty stack": b"0000.",
    "a mark that is none": b"e.",
    "an extension": b"\x82\x01.",
    "keys without values": b"}(K\x01u.",
    "a list as a class": b"]]\x93.",
    "nothing": b"",
    "text": b"no pickle at all",
    "added to a number": b"K\x01K\x02a.",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_makes_no_sense_is_refused_at_once(name: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"."):
        read_pickle(io.BytesIO(HOSTILE[name]))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(Calls(bytearray, 10**12), 2),
        b"ctorch\nFloatTensor\n\x8a\x05\x00\x00\x00\x00\x10\x85R.",
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
        b"\x8a\x05\x00\x00\x00\x00\x10tQ.",
    ],
)
def test_values_that_no_file_of_its_size_holds(content: bytes) -> None:
    with pytest.raises(PickleBombError, match="more values than the file has bytes"):
        read_pickle(io.BytesIO(content), len(content))


def test_a_list_in_itself_ends_and_colliding_keys_take_no_time() -> None:
    found = read_pickle(io.BytesIO(b"]\x94h\x00a.")).value
    assert found[0] is found
    step = 2**61 - 1  # Python's hash of each of them is 0
    content = pickle.dumps({}, 2)[:2] + b"}(" + b"".join(
        pickle.dumps(number * step, 2)[2:-1] + b"N" for number in range(1, 20_000)
    )  # fmt: skip
    started = time.process_time()
    found = read_pickle(io.BytesIO(content + b"u.")).value
    assert len(found) == 19_999
    assert all(isinstance(key, Key) for key in list(found)[1:])
    assert time.process_time() - started < 2
