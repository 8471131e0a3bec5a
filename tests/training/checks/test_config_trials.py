"""What a model, loss or measure of one's own does wrong is said in one line, before anything is written."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from segexp.cli.app import run
from segexp.errors import ConfigError
from segexp.losses.base import SegmentationLoss
from segexp.losses.bce import BCE
from segexp.metrics.base import FigureSpec, ImageMeasure, ImagePrediction
from segexp.spec import DataSpec, MaskTarget
from segexp.tasks.segmentation import Segmentation
from segexp.training.building.callbacks import build_callbacks
from segexp.training.building.loss import build_loss
from segexp.training.building.measures import build_measures
from segexp.training.building.model import build_model
from segexp.training.building.optimizer import build_optimizer
from segexp.training.checks.config_trials import try_loss, try_measure, try_model
from tests.training.runs import TINY, composed

TWO = DataSpec(MaskTarget(("background", "vessel"), ((0, 0, 0), (255, 0, 0))))
THREE = DataSpec(MaskTarget(("a", "b", "c"), ((0, 0, 0),) * 3))


class Gives(nn.Module):
    """A model whose forward does what it is told."""

    def __init__(self, does: Any, **channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 1, 1)
        self.does = does

    def forward(self, image: Tensor) -> Any:
        return self.does(self.convolution(image))


def fail(_: Any) -> Any:
    raise RuntimeError("shapes cannot be\n multiplied")


@pytest.mark.parametrize(
    ("does", "words"),
    [
        (fail, r"its forward of images \(1, 3, 8, 9\) fails: RuntimeError: shapes cannot be multiplied; debug=true"),
        (lambda x: (x, x), r"gives a tuple .*expected logits \(1, 1, 8, 9\).*Supervised"),
        (lambda x: {"out": x}, "gives a dict"),
        (lambda x: None, "gives a NoneType"),
        (lambda x: x[:, 0], r"gives logits \(1, 8, 9\)"),
        (lambda x: x.mean(dim=(2, 3)), ".*it scores whole images: train it with task=classification, .* as model=unet"),
        (lambda x: x[..., ::2], r"gives logits \(1, 1, 8, 5\)"),
        (lambda x: x * torch.nan, "gives nan"),
        (lambda x: x > 0, "gives torch.bool"),
    ],
)
def test_models(does: Any, words: str) -> None:
    module = Segmentation(Gives(does), BCE(), TWO, torch.optim.SGD)
    with pytest.raises(ConfigError, match=f"^model: {words}") as caught:
        try_model(module, torch.zeros(1, 3, 8, 9, dtype=torch.uint8))
    assert "\n" not in str(caught.value)


class Own(SegmentationLoss):
    """A loss whose forward does what it is told."""

    def __init__(self, does: Any) -> None:
        super().__init__()
        self.does = does

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """As told."""
        value: Tensor = self.does(logits)
        return value

    def check(self, spec: DataSpec) -> None:
        """Fits everything."""


@pytest.mark.parametrize(
    ("does", "words"),
    [
        (fail, "its forward fails: RuntimeError: shapes"),
        (lambda x: (x.mean(), x), "gives a tuple, expected a scalar tensor"),
        (lambda x: x[:, 0], r"gives torch.float32 of shape \(2, 32, 32\)"),
        (lambda x: x.sum().long(), r"gives torch.int64"),
        (lambda x: torch.tensor(1.0), "gives a number that does not depend on the logits"),
        (lambda x: x.mean() * torch.nan, "gives nan for finite logits"),
        (lambda x: 1.0, "gives a float"),
    ],
)
def test_losses(does: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=f"^loss: {words}"):
        try_loss(Own(does), THREE)


def test_a_trial_takes_no_random_number_of_the_training() -> None:
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    try_loss(Own(lambda x: (x * torch.rand_like(x)).mean()), TWO)
    assert torch.equal(torch.rand(3), wanted)


class Share(ImageMeasure):
    """As docs/extending.md describes one: no constructor."""

    figure_specs: ClassVar = {"share": FigureSpec("min", "share")}

    def sums(self, seen: ImagePrediction, classes: Sequence[int]) -> np.ndarray:
        """Pixels."""
        return np.array([[float((seen.prediction == k).sum()), float(seen.truth.size)] for k in classes])

    def figures(self, sums: np.ndarray) -> dict[str, np.ndarray]:
        """Share."""
        return {"share": sums[..., 0] / sums[..., 1]}


def test_measures() -> None:
    try_measure("share", Share(), THREE)
    wrong = {
        "fails: RuntimeError": {"figures": fail},
        r"figures\(\) gives \['other'\].*\['share'\]": {"figures": lambda sums: {"other": sums[..., 0]}},
        r"sums\(\) gives shape \(2,\), expected \(2, n\)": {
            "sums": lambda seen, classes: np.zeros(2), "figures": lambda sums: {"share": sums},
        },
        "fails: AttributeError.*nothing": {"figure_specs": property(lambda self: self.nothing)},
    }  # fmt: skip
    for words, changed in wrong.items():
        plain = {key: staticmethod(value) if callable(value) else value for key, value in changed.items()}
        with pytest.raises(ConfigError, match=rf"^metric\.own: .*{words}"):
            try_measure("own", type("Wrong", (Share,), plain)(), THREE)


def section(name: str, **more: Any) -> dict[str, Any]:
    return {"_target_": f"{__name__}.{name}", **more}


class Breaks(nn.Module):
    """A constructor that fails as none does on purpose."""

    def __init__(self, **keys: int) -> None:
        raise KeyError("weights")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"loss": section("fail", _="x")}, r"^loss: RuntimeError: shapes cannot be multiplied"),
        ({"loss": {"_target_": "torch.nn.BCEWithLogitsLoss", "pos_weight": "x"}}, "^loss.pos_weight: found 'x'"),
        (
            {
                "loss": {
                    "_target_": "segexp.losses.weighted_sum.WeightedSum",
                    "terms": {"ce": {"_target_": "pathlib.Path"}}, "weights": {"ce": 1.0},
                }
            },
            r"^loss\.terms\.ce: pathlib.*PosixPath is neither a loss of segexp nor of torch.nn; wrap it: ",
        ),
        ({"model": section("Breaks")}, r"^model \(.*\): KeyError: 'weights'; debug=true"),
        ({"model": section("Share")}, "^model \\(.*\\): Share\\(\\) takes no arguments"),
        ({"metric": {"own": section("Breaks")}}, "^metric.own: KeyError"),
        ({"metric": {"tm": {"_target_": "collections.Counter"}}}, "gives a Counter, exp.*or a torchmetrics.Metric"),
        ({"metric": {"_target_": "x.Y"}}, "found 'x.Y', expected a block that is named as its file"),
        ({"callbacks": {"my": section("Share")}}, r"callbacks\.my._target_: gives a Share, expected"),
        ({"optimizer": section("Share", _partial_=True)}, "optimizer: "),
    ],
)  # fmt: skip
def test_constructors(config: dict[str, Any], words: str) -> None:
    builders = {
        "loss": lambda: build_loss(config["loss"], THREE),
        "model": lambda: build_model(config["model"], THREE),
        "metric": lambda: build_measures(config["metric"], THREE),
        "callbacks": lambda: build_callbacks(replace(composed(), **config)),
        "optimizer": lambda: build_optimizer(config["optimizer"], nn.Linear(1, 1)),
    }
    with pytest.raises(ConfigError, match=words) as caught:
        builders[next(iter(config))]()
    assert "\n" not in str(caught.value)


def test_check_says_it_in_a_line_and_shows_the_trace_on_demand(capsys: pytest.CaptureFixture[str]) -> None:
    line = ["check", *TINY, "loss._target_=torch.nn.TripletMarginLoss"]
    assert run(line) == 2
    out, err = capsys.readouterr()
    assert "loss: TripletMarginLoss does not take logits (1920, 2) and targets (1920,), a row for each" in out
    assert "; wrap it: docs/extending.md has an example" in out
    assert "Traceback" not in out + err
    assert run([*line, "debug=true"]) == 2
    assert "_misfit" in capsys.readouterr().err
