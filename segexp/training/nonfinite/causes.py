"""The most likely cause of a loss or gradient that is not finite, and the keys to change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HALF = (
    "16-mixed", "16-true", "bf16-mixed", "bf16-true", "bfloat16", "transformer-engine", "transformer-engine-float16",
)  # fmt: skip
"""Numbers that end at 65504 or are exact to three digits."""
LARGE = 1e4
"""Logits beyond this are those of a training that diverges: a probability is 1 in float32 from 17 on."""


@dataclass(frozen=True)
class LikelyCause:
    """Why numbers are not finite, in words.

    Attributes:
        words: What most likely happened.
        advice: Keys to change.
    """

    words: str
    advice: str


@dataclass(frozen=True)
class Setting:
    """Settings of a run that decide which advice helps against values that are not finite.

    Attributes:
        precision: Numbers that training computes in.
        lr_key: Key of the learning rate; empty: none of segexp's own.
        loss: What the section ``loss`` names.
        clipped: Whether the gradient is limited.
        skips: Whether such steps are left out already.
    """

    precision: str = "32-true"
    lr_key: str = "optimizer.lr"
    loss: str = ""
    clipped: bool = False
    skips: bool = False


def likely_cause(facts: Mapping[str, Any], setting: Setting) -> LikelyCause:
    """Finds the first step of the computation that gave a number that is not finite.

    Args:
        facts: As they are kept on the disk, see :mod:`segexp.training.nonfinite.evidence`.
        setting: Of the run.
    """
    outputs = facts.get("outputs") or {}
    if facts.get("weights_finite") is False:
        return LikelyCause("weights were not finite before it: training diverged", _slower(setting))
    if facts.get("bad_inputs"):
        return LikelyCause(
            f"the input holds nan or infinity ({', '.join(facts['bad_inputs'])})", "mend or leave out the file"
        )
    if outputs.get("not_finite"):
        if setting.precision in HALF:
            return LikelyCause(f"outputs overflow in {setting.precision}", _wider(setting))
        return LikelyCause("the outputs are not finite: training diverged", _slower(setting))
    if not _finite(facts.get("loss")):
        if max(abs(outputs.get("min") or 0.0), abs(outputs.get("max") or 0.0)) > LARGE:
            return LikelyCause("the outputs are very large: training diverges", _slower(setting))
        return LikelyCause(
            f"{_terms(facts, setting)} of finite outputs is not finite", "choose another loss=, or mend it"
        )
    if setting.precision in HALF:
        return LikelyCause(f"the loss is finite, its gradient overflows in {setting.precision}", _wider(setting))
    return LikelyCause(
        f"the loss is finite, its gradient is not, in {_parts(facts)}",
        f"{_slower(setting)}; trainer.detect_anomaly=true finds the operation",
    )


def _finite(value: Any) -> bool:
    return isinstance(value, int | float)


def _slower(setting: Setting) -> str:
    options = [f"lower {setting.lr_key or 'the learning rate'}"]
    options += [] if setting.clipped else ["limit the gradient (trainer.gradient_clip_val=1.0)"]
    options += [_float32(setting)] if setting.precision in HALF else []
    return f"{', '.join(options[:-1])} or {options[-1]}" if len(options) > 1 else options[0]


def _wider(setting: Setting) -> str:
    return f"{_float32(setting)}, or lower {setting.lr_key or 'the learning rate'}"


def _float32(setting: Setting) -> str:
    key = "speed.precision=float32" if setting.precision == "bfloat16" else "trainer.precision=32-true"
    return f"train in float32 ({key})"


def _terms(facts: Mapping[str, Any], setting: Setting) -> str:
    bad = [name for name, value in (facts.get("terms") or {}).items() if name != "total" and not _finite(value)]
    return f"the term {', '.join(bad)} of the loss" if bad else f"the loss {setting.loss}".rstrip()


def _parts(facts: Mapping[str, Any]) -> str:
    bad = [part for part, norm in (facts.get("gradient_norms") or {}).items() if not _finite(norm)]
    return ", ".join(bad[:3]) or "some weights"
