"""Each row of docs/lightning.md on optimisers, schedules and measures gives the numbers of what stands left of it."""

import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import torchmetrics
from hydra import compose, initialize_config_dir
from torch import Tensor, nn
from torch.optim import lr_scheduler
from torchmetrics import classification, segmentation, wrappers

from segexp.config.composed import checked_train
from segexp.config.experiment import Experiment
from segexp.config.migration import for_hydra
from segexp.config.paths import conf_dir
from segexp.invocation import Invocation
from segexp.metrics.torch_metrics import TorchMetrics
from segexp.spec import DataSpec, MaskTarget
from segexp.training.building.optimizer import build_optimizer
from segexp.training.building.schedule import build_schedule
from segexp.training.building.torch_metrics import build_metrics

PAGE = Path(__file__).resolve().parents[1] / "docs" / "lightning.md"
LENGTH = 20


@cache
def rows(section: str) -> list[tuple[str, str]]:
    """Code on the left and words on the right of each row of a section's tables."""
    text = PAGE.read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|$", text, re.MULTILINE)


OPTIMIZERS = [row for row in rows("Optimizers, schedulers") if row[0].split("(")[1].startswith("params")]
SCHEDULERS = [row for row in rows("Optimizers, schedulers") if row not in OPTIMIZERS]
METRICS = [(code, words, f"m{number}") for number, (code, words) in enumerate(rows("Losses, measures"))]


def composed(line: str) -> Experiment:
    """The experiment of the words of a row, checked whole."""
    words = tuple(shlex.split(line))
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("train", for_hydra(words))
    return checked_train(config, Invocation(command=["segexp", "train", *words], overrides=words))


def names(*modules: Any) -> dict[str, Any]:
    return {name: value for module in modules for name, value in vars(module).items() if not name.startswith("_")}


def test_the_page_has_as_many_rows_as_it_should() -> None:
    assert len(OPTIMIZERS) >= 8 and len(SCHEDULERS) >= 10 and len(METRICS) >= 10


def weights_after(make: Any) -> list[float]:
    """Weights of a linear layer after four steps."""
    torch.manual_seed(0)
    model, image = nn.Linear(3, 2), torch.linspace(-1, 1, 12).view(4, 3)
    optimizer = make(model.parameters())

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = model(image).square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value  # type: ignore[no-any-return]

    for _ in range(4):
        optimizer.step(loss)
    return [weight.item() for weight in model.weight.flatten()]


@pytest.mark.parametrize(("code", "words"), OPTIMIZERS)
def test_optimizers(code: str, words: str) -> None:
    found = build_optimizer(composed(f"scheduler=none {words}").optimizer, nn.Linear(1, 1))
    direct = weights_after(lambda params: eval(code, {**names(torch.optim), "params": params}))
    assert weights_after(found) == direct


def rates(optimizer: torch.optim.Optimizer, scheduler: Any) -> list[float]:
    found = []
    for _ in range(LENGTH):
        found.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step(*([1.0] if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau) else []))
    return found


@pytest.mark.parametrize(("code", "words"), SCHEDULERS)
def test_schedulers(code: str, words: str) -> None:
    experiment = composed(f"optimizer=adam optimizer.lr=0.1 {words}")
    schedule = build_schedule(experiment.scheduler, experiment.optimizer, 1)
    assert schedule is not None
    ours, theirs = (torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=0.1) for _ in range(2))
    found = rates(ours, schedule.build(ours, steps=LENGTH, epochs=LENGTH))
    assert found == rates(theirs, eval(code, {**names(lr_scheduler), "optimizer": theirs}))
    assert len(set(found)) > 1


def scene(classes: int) -> tuple[Tensor, Tensor]:
    """Probabilities (3, K, 9, 8) and class numbers (3, 9, 8) with two rows that count nowhere."""
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(3, 1 if classes == 2 else classes, 9, 8, generator=generator)
    target = torch.randint(0, classes, (3, 9, 8), generator=generator).byte()
    target[:, :2] = 255
    return (logits.sigmoid() if classes == 2 else logits.softmax(1)), target


@cache
def measured() -> Experiment:
    """One experiment with the measures of all rows, which saves the time to compose each."""
    return composed(
        " ".join(["metric=[]", *(words.replace("metric.my.", f"metric.{name}.") for _, words, name in METRICS)])
    )


@pytest.mark.parametrize(("code", "words", "name"), METRICS)
def test_metrics(code: str, words: str, name: str) -> None:
    assert words.startswith("metric.my._target_=torchmetrics.")
    classes = 3 if "num_classes=3" in code else 2
    spec = DataSpec(MaskTarget(("a", "b", "c")[:classes], ((0, 0, 0),) * classes))
    found: TorchMetrics = build_metrics({"my": measured().metric[name]}, spec)
    likely, target = scene(classes)
    found.start(torch.device("cpu"))
    found.update(likely, target)
    direct = eval(code, names(torchmetrics, classification, segmentation, wrappers))
    pixels, numbers = likely.movedim(1, -1)[target != 255].squeeze(-1), target[target != 255].long()
    if "MeanIoU" in code:
        for image, truth in zip(likely.argmax(1), target, strict=True):
            direct.update(image[2:][None], truth[2:].long()[None])
    else:
        direct.update(pixels, numbers)
    value = direct.compute()
    wanted = [float(part) for part in value.values()] if isinstance(value, dict) else value.flatten().tolist()
    assert list(found.values().values()) == pytest.approx(wanted, abs=1e-7)
