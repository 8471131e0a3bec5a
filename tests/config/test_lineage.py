"""What a dotted path names, and from which classes that comes, is read from source."""

import sys
from pathlib import Path

import pytest

from segexp.config.lineage import ancestors, annotation, classes_in, definition, is_below

COMPOSITION = "albumentations.core.composition"
MODULE = frozenset({"torch.nn.modules.module.Module"})


@pytest.mark.parametrize(
    ("target", "defined", "base"),
    [
        ("torch.nn.Conv2d", "torch.nn.modules.conv.Conv2d", "torch.nn.modules.module.Module"),
        ("torch.optim.AdamW", "torch.optim.adamw.AdamW", "torch.optim.optimizer.Optimizer"),
        (
            "albumentations.OneOf",
            "albumentations.core.composition.OneOf",
            "albumentations.core.composition.BaseCompose",
        ),
        ("segexp.losses.dice.Dice", "segexp.losses.dice.Dice", "segexp.losses.base.SegmentationLoss"),
        (
            "lightning.pytorch.callbacks.ModelCheckpoint",
            "lightning.pytorch.callbacks.model_checkpoint.ModelCheckpoint",
            "lightning.pytorch.callbacks.callback.Callback",
        ),
        ("torchmetrics.JaccardIndex", "torchmetrics.classification.jaccard.JaccardIndex", "torchmetrics.metric.Metric"),
    ],
)
def test_through_packages_that_hand_names_on(target: str, defined: str, base: str) -> None:
    found = definition(target)
    assert found is not None
    assert found.is_class
    assert found.dotted == defined
    assert base in [each.dotted for each in ancestors(found)]
    assert is_below(found, frozenset({base}))
    assert not is_below(found, frozenset({"torch.nn.modules.module.Modul"}))


@pytest.mark.parametrize(
    "target",
    [
        "os.system", "builtins.eval", "torch.nn.modules.module.os.system", "torch.nn.Module.load_state_dict",
        "pathlib.Path.write_text", "nowhere.Net", "torch", "", ".", "torch..nn.Module", "torch.nn.Module ",
        "torch/nn.Module", "../x.y", "torch.nn.modules.module.1",
    ],
)  # fmt: skip
def test_no_source_says_what_it_is(target: str) -> None:
    assert definition(target) is None


def test_a_function_is_none() -> None:
    found = definition("torch.hub.load")
    assert found is not None
    assert not found.is_class
    assert list(ancestors(found)) == []


SOURCES = {
    "__init__.py": "from .nets import *\nfrom .nets import Net as Renamed\nfrom . import circle\n",
    "nets.py": """
        import torch
        import torch.nn as nn
        from typing import Generic, TypeVar
        try:
            from missing_package import Base
        except ImportError:
            from torch.nn import Module as Base
        T = TypeVar("T")
        class Net(Base, Generic[T]):
            def __init__(self, head: "nn.Module | None" = None, width: int = 3, kind: dict[str, list[nn.Module]] = {}):
                pass
        class Below(Net[int]): pass
        Alias = Below
        class Attribute(torch.nn.Conv2d): pass
        class Made(make()): pass
        class Plain: pass
    """,
    "circle.py": "from .square import Net\n",
    "square.py": "from .circle import Net\n",
    "broken.py": "class Net(:\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = "lineage_" + tmp_path.name.strip("0123456789")[-8:] + tmp_path.name[-1]
    (tmp_path / name).mkdir()
    for file, text in SOURCES.items():
        lines = [line[8:] if line.startswith(" " * 8) else line for line in text.splitlines()]
        (tmp_path / name / file).write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def test_a_package_of_ones_own(package: str) -> None:
    expected = {
        "nets.Net": True, "Net": True, "Renamed": True, "Below": True, "Alias": True, "nets.Attribute": True,
        "nets.Made": False, "Plain": False,
    }  # fmt: skip
    for name, below in expected.items():
        found = definition(f"{package}.{name}")
        assert found is not None, name
        assert is_below(found, MODULE) is below, name
    for name in ("circle.Net", "square.Net", "broken.Net", "nets.torch", "nets.T"):
        assert definition(f"{package}.{name}") is None, name
    assert package not in sys.modules


def test_which_objects_a_constructor_takes(package: str) -> None:
    below = definition(f"{package}.Below")
    assert below is not None
    for key in ("head", "kind"):
        said = annotation(below, key)
        assert said is not None
        assert [each.dotted for each in classes_in(*said) if is_below(each, MODULE)] == [*MODULE]
    width = annotation(below, "width")
    assert width is not None
    assert [each for each in classes_in(*width) if is_below(each, MODULE)] == []
    assert annotation(below, "nothing") is None
