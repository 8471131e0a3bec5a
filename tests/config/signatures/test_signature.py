"""Constructors read from their source: the schema of a YAML without an import."""

import sys
import typing
import zipfile
from pathlib import Path
from typing import Any, Literal

import pytest

from segexp.config.signatures.signature import UNKNOWN, exists, signature
from segexp.config.signatures.source import broken, names_in
from segexp.types import PositiveInt

SOURCES = {
    "__init__.py": "from .nets import Child as Renamed\nraise RuntimeError('imported')\n",
    "nets.py": '''
import functools
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Optional, Union
import torch
from torch import Tensor
from segexp.types import PositiveInt
from .deep.base import Parent
from somewhere import Alias


class Child(Parent):
    def __init__(self, width: PositiveInt, name: str = "x", **keys) -> None: ...


class Heir(Child):
    """No constructor of its own."""


class Open(torch.nn.Module):
    def __init__(self, width: int = 1, **keys) -> None: ...


class Kinds:
    def __init__(
        self, a: float | Tensor, b: "int | None", c: Literal["x", 2], d: list[float], e: Optional[int], f: Alias | None,
        g: Union[int, str], h: torch.Tensor, i, j: dict[str, int], k: tuple[int, int] = (1, 2), *, l: bool, m: int = 3,
    ) -> None: ...


@dataclass(frozen=True)
class Base:
    low: int
    kind: ClassVar[str] = "a"


@dataclass
class Options(Base):
    high: float = 1.0
    names: list[str] = field(default_factory=list)
    must: str = field(kw_only=True)
    made: int = field(init=False)


@functools.lru_cache(maxsize=1)
@functools.wraps(print)
def decorated(depth: int, *, fast: bool = False): ...


def anything(**keys): ...
''',
    "deep/__init__.py": "",
    "deep/base.py": """
from ..parents import Grand


class Parent(Grand):
    def __init__(self, depth: int, name: int = 3, **keys) -> None: ...
""",
    "parents.py": """
class Grand:
    def __init__(self, seed: int = 0, mode: str = "a") -> None: ...
""",
    "starred.py": "from .nets import *\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package that cannot be imported, under a name of its own since signatures are remembered."""
    name = "pkg_" + tmp_path.name.replace("-", "_")
    for file, text in SOURCES.items():
        path = tmp_path / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def keys(target: str) -> dict[str, tuple[Any, bool]]:
    found = signature(target)
    assert found is not None
    return {name: (p.annotation, p.required) for name, p in found.parameters.items()}


def test_constructor_that_hands_keys_on_takes_those_of_its_bases(package: str) -> None:
    expected = {
        "seed": (int, False),
        "mode": (str, False),
        "depth": (int, True),
        "name": (str, False),  # the child's own, not the parent's
        "width": (PositiveInt, True),
    }
    assert keys(f"{package}.nets.Child") == expected
    assert keys(f"{package}.nets.Heir") == expected
    assert keys(f"{package}.Renamed") == expected
    found = signature(f"{package}.nets.Child")
    assert found is not None
    assert not found.open
    assert package not in sys.modules


def test_unknown_base_leaves_the_signature_open(package: str) -> None:
    found = signature(f"{package}.nets.Open")
    assert found is not None
    assert found.open
    assert list(found.parameters) == ["width"]
    found = signature(f"{package}.nets.anything")
    assert found is not None
    assert found.open


def test_annotations(package: str) -> None:
    assert keys(f"{package}.nets.Kinds") == {
        "a": (float, True),  # a Tensor cannot stand in a YAML
        "b": (typing.Optional[int], True),  # noqa: UP045
        "c": (Literal["x", 2], True),
        "d": (list[float], True),
        "e": (typing.Optional[int], True),  # noqa: UP045
        "f": (UNKNOWN, True),  # the alias may be anything
        "g": (typing.Union[int, str], True),  # noqa: UP007
        "h": (UNKNOWN, True),
        "i": (UNKNOWN, True),
        "j": (dict[str, int], True),
        "k": (UNKNOWN, False),
        "l": (bool, True),
        "m": (int, False),
    }


def test_dataclass(package: str) -> None:
    assert keys(f"{package}.nets.Options") == {
        "low": (int, True),
        "high": (float, False),
        "names": (list[str], False),
        "must": (str, True),
    }


def test_decorated_function(package: str) -> None:
    assert keys(f"{package}.nets.decorated") == {"depth": (int, True), "fast": (bool, False)}


def test_what_exists(package: str) -> None:
    assert exists(f"{package}.nets.Child") is True
    assert exists(f"{package}.Renamed") is True
    assert exists(f"{package}.nets.Chidl") is False
    assert exists(f"{package}.starred.Child") is True
    assert exists(f"{package}.starred.Chidl") is False  # the module of the star has no such word
    assert exists("nowhere_at_all.Net") is None
    assert signature("nowhere_at_all.Net") is None
    assert {"Child", "decorated", "Parent"} <= set(names_in(f"{package}.nets"))
    assert names_in(package) == ["Renamed"]
    assert names_in("nowhere_at_all") == []


def test_torch_is_read_from_its_files() -> None:
    found = keys("torch.optim.AdamW")
    assert found["lr"] == (float, False)
    assert found["params"][1] is True
    assert keys("torch.optim.lr_scheduler.OneCycleLR")["max_lr"] == (typing.Union[float, list[float]], True)  # noqa: UP007


ODD = {
    "__init__.py": """
from .odd import Fields as Handed
from ._missing_extension import Built
from .loop import Ring
Alias = Handed
try:
    import not_installed_anywhere
    class Maybe:
        def __init__(self, first: int) -> None: ...
except ImportError:
    class Maybe:
        def __init__(self, second: int) -> None: ...
""",
    "odd.py": """
import abc
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar, overload
import attrs
from .parent import Same
from .parent import Shape as Other

T = TypeVar("T")
CHOICE = "a"


class Plain: ...


class Measure(ABC):
    directions = {"a": "max"}
    def sums(self, seen): ...


class ByModule(abc.ABC): ...


class Heir(Measure): ...


class Parametric(Generic[T]): ...


class Second(Parametric[int], Protocol):
    def __init__(self, width: int = 1) -> None: ...


class Mixed(Plain, Second): ...


class Wrapper:
    def __new__(cls, task: Literal["two", "more"], threshold: float = 0.5, **kwargs): ...


class Both(Wrapper):
    def __init__(self, size: int) -> None: ...


class Many:
    @overload
    def __init__(self, a: int) -> None: ...
    @overload
    def __init__(self, b: int) -> None: ...
    def __init__(self, a: int = 0, b: int = 0) -> None: ...


class Fields(NamedTuple):
    low: int
    high: float = 1.0


@dataclass
class Late:
    first: int
    _: KW_ONLY
    second: str = "b"


@attrs.define
class Written:
    x: int


class Meta(metaclass=type): ...


class Same(Same): ...


class Unread(Other.Inner): ...


class FromError(ValueError): ...


def annotated(a: "words that are no type", b: Literal[CHOICE], c: callable = None, d: "callable | None" = None): ...


made = partial(annotated, a=1)
""",
    "parent.py": "class Same:\n    def __init__(self, deep: int) -> None: ...\n",
    "loop.py": "from .ring import Ring\n",
    "ring.py": "from .loop import Ring\n",
    "lazy.py": "def __getattr__(name): ...\n",
    "writes.py": "globals().update(Net=int)\n",
    "latin.py": "# -*- coding: latin-1 -*-\n# \xe9\nclass Net:\n    def __init__(self, a: int) -> None: ...\n",
    "bom.py": "\ufeffclass Net:\n    def __init__(self, a: int) -> None: ...\n",
    "wrong.py": "class Net(:\n",
    "zeros.py": "\0\0",
}


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same for what is seldom written."""
    name = "odd_" + tmp_path.name.replace("-", "_")
    (tmp_path / name).mkdir()
    for file, text in ODD.items():
        (tmp_path / name / file).write_bytes(text.encode("latin-1" if file == "latin.py" else "utf-8"))
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


@pytest.mark.parametrize(
    ("name", "wanted", "is_open"),
    [
        *[(name, [], False) for name in ("Plain", "Measure", "ByModule", "Heir", "Parametric")],
        ("Second", ["width"], False),
        ("Mixed", ["width"], False),
        ("Wrapper", ["task", "threshold"], True),
        ("Both", ["size"], False),
        ("Many", ["a", "b"], False),
        ("Fields", ["low", "high"], False),
        ("Late", ["first", "second"], False),
        ("annotated", ["a", "b", "c", "d"], False),
    ],
)
def test_what_a_class_takes(odd: str, name: str, wanted: list[str], is_open: bool) -> None:
    found = signature(f"{odd}.odd.{name}")
    assert found is not None
    assert (list(found.parameters), found.open) == (wanted, is_open)
    assert exists(f"{odd}.odd.{name}") is True


@pytest.mark.parametrize("name", ["Written", "Meta", "Same", "Unread", "FromError", "made"])
def test_what_only_an_import_can_tell(odd: str, name: str) -> None:
    assert signature(f"{odd}.odd.{name}") is None
    assert exists(f"{odd}.odd.{name}") is not False


def test_names_that_are_handed_on(odd: str) -> None:
    assert list(keys(f"{odd}.Handed")) == list(keys(f"{odd}.Alias")) == ["low", "high"]
    assert list(keys(f"{odd}.Maybe")) == ["second"]
    assert keys(f"{odd}.odd.annotated")["b"] == (UNKNOWN, True)
    assert keys(f"{odd}.odd.annotated")["c"] == (UNKNOWN, False)
    for unknown in ("Built", "Ring", "lazy.Any", "writes.Net", "odd"):
        assert exists(f"{odd}.{unknown}") is None
        assert signature(f"{odd}.{unknown}") is None
    assert exists(f"{odd}.Built2") is False


def test_files_of_any_encoding_and_none(odd: str) -> None:
    assert list(keys(f"{odd}.latin.Net")) == list(keys(f"{odd}.bom.Net")) == ["a"]
    for module, words in (("wrong", "wrong.py, line 1: SyntaxError"), ("zeros", "zeros.py")):
        assert exists(f"{odd}.{module}.Net") is None
        assert signature(f"{odd}.{module}.Net") is None
        assert words in str(broken(f"{odd}.{module}"))
        assert list(names_in(f"{odd}.{module}")) == []
    assert broken(f"{odd}.odd") is None


@pytest.mark.parametrize(
    "target",
    [
        "abc.ABC", "os.path.join", "math.sqrt", "builtins.dict", "sys.exit", "_io.BytesIO", "zipimport.zipimporter",
        "cv2.imread", "torch._C.Generator", "torch.Generator", "numpy.ndarray", "..", "", "a b.c", "a..b",
        "torchmetrics.Accuracy", "torchmetrics.Metric", "torchmetrics.JaccardIndex", "collections.abc.Sized",
    ],
)  # fmt: skip
def test_nothing_that_can_be_imported_is_said_not_to_be_there(target: str) -> None:
    assert exists(target) is not False
    signature(target)


def test_a_torchmetrics_target_is_read() -> None:
    assert keys("torchmetrics.Accuracy")["task"][1] is True
    assert "threshold" in keys("torchmetrics.classification.BinaryAccuracy")


def test_an_archive_and_a_folder_without_init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr("in_a_zip/__init__.py", "class Net: ...")
    monkeypatch.syspath_prepend(str(tmp_path / "packed.zip"))
    (tmp_path / "without_init").mkdir()
    (tmp_path / "without_init" / "nets.py").write_text("class Net:\n    def __init__(self, a: int): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert exists("in_a_zip.Net") is None
    assert list(keys("without_init.nets.Net")) == ["a"]


def test_keys_that_a_class_keeps_for_another_leave_its_signature_open() -> None:
    found = signature("lightning.pytorch.strategies.DDPStrategy")
    assert found is not None
    assert found.open
    assert "accelerator" in found.parameters
    handed = signature("segexp.tasks.segmentation.Segmentation")
    assert handed is not None
    assert not handed.open
