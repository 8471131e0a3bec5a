"""Freezing by epoch, rates by part: bit-identical where frozen, the same after a resume, refused where idle."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from segexp.cli.app import run
from segexp.errors import ConfigError
from segexp.models.deeplab import DeepLabV3
from segexp.models.segnet import SegNet
from segexp.training.finetuning import Finetuning
from segexp.training.hardware import with_hardware
from segexp.training.prepare import prepare
from tests.training.runs import TINY, Done, composed, folders, go, same_weights

SEGNET = "model={_target_: segexp.models.segnet.SegNet, base: 2}"
QUICK = ("metric=[]", "bootstrap=0", "baselines=false", "panels=0", "model.base=2", "callbacks=finetuning")
WORDS = tuple(word for word in TINY if word != "model.depth=2")


def finetuned(*words: str, unfreeze: int | str) -> Done:
    return go(*QUICK, f"callbacks.finetuning.unfreeze_epoch={unfreeze}", "scheduler=none", *words)


def encoder(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if name.startswith("model.encoder.")}


def start(*words: str) -> dict[str, Tensor]:
    found = prepare(with_hardware(composed(*QUICK, *words)), allocator=False)
    return {name: value.clone() for name, value in found.module.state_dict().items()}


NORM = "model.norm=batch"


def test_a_frozen_encoder_stays_bit_for_bit_statistics_too_and_then_learns() -> None:
    before = encoder(start(NORM))
    frozen = finetuned(NORM, unfreeze="null")
    kept = encoder(frozen.last["state_dict"])
    assert any(name.endswith("running_mean") for name in kept)
    assert all(torch.equal(value, before[name]) for name, value in kept.items())
    assert not torch.equal(frozen.last["state_dict"]["model.head.weight"], start(NORM)["model.head.weight"])
    (note,) = [note for note in frozen.content["notes"] if note.startswith("frozen with random weights")]
    count = sum(v.numel() for n, v in before.items() if n.endswith((".weight", ".bias")))
    assert f"{count:,} of " in note
    thawed = encoder(finetuned(NORM, unfreeze=1).last["state_dict"])
    assert not any(torch.equal(value, before[name]) for name, value in thawed.items() if name.endswith("0.weight"))
    assert not torch.equal(thawed["model.encoder.0.1.running_mean"], before["model.encoder.0.1.running_mean"])


def test_a_resumed_run_is_the_run_that_was_not_interrupted() -> None:
    """With a rate of its own, a schedule over the run, and the thaw after the interruption."""
    words = (NORM, "trainer.max_epochs=3", "scheduler=onecycle", "param_groups.lr_factors.encoder=0.1",
             "param_groups.norm_decay=false")  # fmt: skip
    whole = finetuned(*words, unfreeze=2)
    stop = "{_target_: tests.training.parts.Stop, epoch: 1}"
    with pytest.raises(Exception, match="interrupted"):
        finetuned(*words, f"callbacks.stop={stop}", unfreeze=2)
    (path,) = set(folders()) - {Path("outputs") / whole.path.relative_to(Path("outputs").resolve())}
    rest = finetuned(*words, f"resume={path}", unfreeze=2)
    assert same_weights(whole.last, rest.last)
    groups: list[dict[str, Any]] = rest.last["optimizer_states"][0]["param_groups"]
    assert [(group["lr_factor"], group["weight_decay"]) for group in groups] == [
        (1.0, 0.0001), (1.0, 0.0), (0.1, 0.0001), (0.1, 0.0),
    ]  # fmt: skip


def test_what_would_have_no_effect_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for words, expected in {
        ("callbacks.finetuning.unfreeze_epoch=2",): "unfreeze_epoch: found 2, but the run has 2 epochs",
        ("callbacks.finetuning.part=trunk",): "finetuning.part: UNet has no part 'trunk'; its parts are encoder, ",
        ("param_groups.lr_factors.encoder=0",): "param_groups.lr_factors",
        ("+param_groups.lr_factors.trunk=2",): "param_groups.lr_factors.trunk: UNet has no part 'trunk'",
    }.items():
        for command in ([], ["check"]):
            assert run([*command, *TINY, *QUICK, "callbacks.finetuning.unfreeze_epoch=1", *words]) == 2
            assert expected in "".join(capsys.readouterr()), command
    assert folders() == []
    with pytest.raises(ConfigError, match=r"no weight of encoder is trained anyway.*model\.freeze_encoder"):
        Finetuning().check(SegNet(3, 1, base=2, freeze_encoder=True), 5)
    with pytest.raises(ConfigError, match="holds all weights"):
        Finetuning("0").check(torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1)), 5)
    Finetuning(unfreeze_epoch=4).check(DeepLabV3(3, 1, base=2, encoder="resnet18"), 5)


def test_on_several_ranks_gradients_are_dropped_where_they_were_gathered() -> None:
    """Ranks wait for each other's gradients of all weights that they began with: none may be switched off."""
    model = SegNet(3, 1, base=2)
    module: Any = SimpleNamespace(model=model, trainer=SimpleNamespace(world_size=2))
    callback = Finetuning(unfreeze_epoch=1)
    for epoch, frozen in ((0, True), (1, False)):
        callback.finetune_function(module, epoch, torch.optim.SGD(model.parameters(), lr=0.1))
        assert all(weight.requires_grad for weight in model.parameters())
        assert model.encoder.training is not frozen
        model(torch.randn(2, 3, 32, 32)).sum().backward()
        callback.on_before_optimizer_step(module.trainer, module, torch.optim.SGD(model.parameters(), lr=0.1))
        assert all((weight.grad is None) == frozen for weight in model.encoder.parameters())
        assert all(weight.grad is not None for weight in model.decoder.parameters())
