"""``optimizer._target_=...`` typed over an option: which keys of the option stay, and which are left out."""

from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from segexp.config.composed import checked_train
from segexp.config.migration import as_given, for_hydra
from segexp.config.overrides.recompose import recompose
from segexp.config.paths import conf_dir
from segexp.config.retargeted import lies_in, retargeted_blocks, without_left_over
from segexp.errors import ConfigError
from segexp.invocation import Invocation

TORCH = "torch.optim"


def typed(*words: str) -> dict[str, Any]:
    """The plain config of a command line of these words."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("train", for_hydra(words))
    return checked_train(config, Invocation(command=["segexp", "train", *words], overrides=words)).plain()


def test_words_of_a_block_whose_class_is_typed_may_be_new() -> None:
    words = ["optimizer._target_=torch.optim.SGD", "optimizer.momentum=0.9", "optimizers.x=1", "model.base=8"]
    assert retargeted_blocks(words) == {"optimizer"}
    assert for_hydra(words) == [f"++{word}" for word in words[:2]] + words[2:]
    assert as_given(for_hydra(words)) == words
    assert for_hydra(words[1:]) == words[1:]
    assert lies_in("a.b.c=1", frozenset({"a.b"})) and not lies_in("a.b=1", frozenset({"a.b"}))


def test_keys_of_the_option_that_the_class_takes_stay_and_others_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    plain = typed(f"optimizer._target_={TORCH}.SGD", "optimizer.dampening=0.1", "optimizer._partial_=true")
    assert plain["optimizer"] == {"_target_": f"{TORCH}.SGD", "lr": 0.005, "weight_decay": 0.0001, "dampening": 0.1}
    assert plain["scheduler"]["max_lr"] == 0.005
    told = capsys.readouterr().err
    assert told == "segexp: note: optimizer: SGD is built without betas of the option that it takes the place of\n"


def test_a_schedule_moves_at_its_own_pace(capsys: pytest.CaptureFixture[str]) -> None:
    steps = f"{TORCH}.lr_scheduler.StepLR"
    plain = typed(f"scheduler._target_={steps}", "scheduler.step_size=3", "scheduler.gamma=0.5")
    assert plain["scheduler"] == {
        "_target_": steps, "step_size": 3, "gamma": 0.5, "interval": "epoch", "monitor": None,
    }  # fmt: skip
    assert "StepLR is built without max_lr, total_steps, pct_start, interval of the option" in capsys.readouterr().err
    kept = typed(f"scheduler._target_={steps}", "scheduler.step_size=3", "scheduler.interval=step")
    assert kept["scheduler"]["interval"] == "step"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["optimizer._target_=torch.optim.SDG"], r"torch.optim has no 'SDG'. Did you mean 'SGD'"),
        (["optimizer._target_=torch.optim.SGD", "optimizer.momentm=1"], r"Did you mean 'optimizer.momentum'"),
        (["optimizer._target_=torch.optim.SGD", "optimizer.betas=[0.9,0.99]"], r"^optimizer.betas: no such key"),
        (["scheduler._target_=torch.optim.lr_scheduler.StepLR"], r"^scheduler.step_size: must be given; add sched"),
    ],
)
def test_what_was_typed_is_never_left_out(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        typed(*words)


def test_words_of_an_earlier_run_give_the_same_again() -> None:
    words = [f"optimizer._target_={TORCH}.SGD", "optimizer.dampening=0.1"]
    found = recompose(words, {}, ())
    assert found.lost == ()
    assert found.tree["optimizer"] == typed(*words)["optimizer"]


def test_a_class_that_takes_any_key_or_cannot_be_read_keeps_all() -> None:
    for target in ("no.such.Class", "torchvision.models.nothing"):
        config = {"model": {"_target_": target, "a": 1}}
        assert without_left_over(config, [f"model._target_={target}"]) == (config, [])
