"""Constructors read from their source: the schema of a YAML without an import."""

import sys
import typing
from pathlib import Path
from typing import Any, Literal

import pytest

from segexp.config.signature import UNKNOWN, exists, names_in, signature
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
    assert exists(f"{package}.starred.Chidl") is None  # comes in through a star, perhaps
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
