"""The lr_find command: a rate with the word to add, its curve as table and chart; nothing of a training is left."""

import csv
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from segexp.cli.app import run
from segexp.training.lr_find import LrCurve, falls, lr_chart, unbiased
from tests.training.plain.parts import LitAutoEncoder
from tests.training.plain.test_checks import PLAIN
from tests.training.runs import TINY

FAST = ("num_training=40", "min_lr=1e-4")
QUIET = ("trainer.accelerator=cpu", "trainer.progress=none")


class Flat(LitAutoEncoder):
    """No rate makes its loss fall."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return 0 * self.loss_of(batch) + 2


class ByHand(LitAutoEncoder):
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False


class Two(LitAutoEncoder):
    """Leaves two optimizers to Lightning."""

    def configure_optimizers(self) -> Any:
        parts = (self.encoder, self.decoder)
        return [torch.optim.SGD(part.parameters(), lr=0.1) for part in parts]


def read(out: str) -> tuple[float, Path]:
    rate = re.search(r"^learning rate +(\S+), where", out, re.MULTILINE)
    table = re.search(r"^csv +(\S+)$", out, re.MULTILINE)
    assert rate is not None and table is not None, out
    return float(rate[1]), Path(table[1])


def test_a_rate_and_its_curve(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lr_find", *TINY, *FAST, "early_stop_threshold=null"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    rate, table = read(out)
    assert f"\nadd            optimizer.lr={rate:.2g}\n" in out
    assert sorted(path.name for path in table.parent.iterdir()) == ["curve.csv", "curve.png"]
    assert table.parent.parent == Path("outputs/lr_find")
    assert not list(Path().rglob("*.ckpt"))
    with table.open(newline="") as stream:
        rows = [(float(row["lr"]), float(row["loss"])) for row in csv.DictReader(stream)]
    assert len(rows) == 40
    assert rows[0][0] == 1e-4 and rows[-1][0] == pytest.approx(1, rel=0.5)
    assert any(found == pytest.approx(rate, rel=0.05) for found, _ in rows)
    assert all(0.1 < loss < 5 for _, loss in rows)
    assert rows[0][1] == pytest.approx(rows[1][1], rel=0.2)  # it does not start at half
    with Image.open(table.parent / "curve.png") as picture:
        assert picture.width > 600


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trainer.fast_dev_run=true"], "trainer.fast_dev_run: with it Lightning's learning-rate finder does nothing"),
        (["min_lr=2"], "min_lr: found 2, which is not below max_lr=1; use a smaller one"),
        (["num_training=5"], "num_training: found 5, expected a whole number, a value of at least 20"),
        (["resume=run"], "resume: lr_find looks for the rate of a training that starts"),
    ],
)
def test_what_leaves_nothing_to_find(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lr_find", *TINY, "num_training=20", *words]) == 2
    assert said in capsys.readouterr().err
    assert not Path("outputs").exists()


def test_a_module_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lr_find", *PLAIN, *FAST, *QUIET]) == 0
    out = capsys.readouterr().out
    rate, _ = read(out)
    assert 1e-4 <= rate <= 1
    assert f"\nadd            task.lr={rate:.2g}\n" in out


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("Flat", "max_lr: the training loss falls at none of 40 rates from 0.0001 to 1"),
        ("ByHand", "steps its optimizers itself"),
        ("Two", "Two has several optimizers, of which Lightning's learning-rate finder follows a single one"),
    ],
)
def test_modules_without_a_rate_to_find(module: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lr_find", *PLAIN, f"task._target_={__name__}.{module}", *FAST, *QUIET]) == 2
    assert said in capsys.readouterr().err
    assert not Path("outputs").exists()


def test_the_running_mean_starts_at_the_first_loss() -> None:
    """Lightning's arithmetic for losses of 2, 2, 2, ..., and of 1, 3."""
    mean, given = 0.0, []
    for step in range(1, 6):
        mean = 0.98 * mean + 0.02 * 2
        given.append(mean / (1 - 0.98 ** (step + 1)))
    assert given[0] == pytest.approx(1.0101, abs=1e-4)
    assert unbiased(given) == pytest.approx([2.0] * 5)


def test_a_loss_that_only_rises_falls_nowhere() -> None:
    assert falls([3, 2, 1], 0)
    assert not any(falls(losses, 0) for losses in ([1, 1 - 1e-6], [1, 2, float("nan")], [1]))


def test_the_chart_has_powers_of_ten() -> None:
    chart = lr_chart(LrCurve([1e-3, 1e-2, 1e-1], [3.0, 1.0, 2.0], 1e-2))
    assert chart is not None
    x = chart.spec["encoding"]["x"]
    assert x["scale"]["type"] == "log"
    assert x["axis"]["values"][0] == 1e-3 and x["axis"]["values"][-1] == 1e-1
    assert [entry.name for entry in chart.legend] == ["training loss, running mean", "suggestion: 0.01"]
