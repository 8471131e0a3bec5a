"""The closed list of reasons for which a config is refused, by the form of their text; and what quotes a library."""

import re
import warnings
from collections.abc import Mapping
from typing import Any

REASONS: dict[str, str] = {
    "no such key": r": no such key\.|no such option|has no option",
    "must be given": r": must be given; add ",
    "type or range": r": found .*, expected ",
    "set by segexp": r": is (set by segexp|taken from the data)",
    "two keys": r": found .*(, but | with [\w.]+=|, so (that )?(nothing|no ))",
    "for another choice": r"(is|are) for [\w.]+=",
    "classes and loss": r"which is for two classes|has \d+ numbers, the data has|needs (two|three) classes"
    r"|takes one logit|of two classes with one logit|for each of two",
    "classes and model": r"gives logits \(.*, expected \(",
    "too few": r": found .*, less than one of |use at (least|most) |there are only|too few",
    "too small": r"was given \d+x\d+: use at least|larger than|smaller than",
    "weights": r"give weights of 0 or more|a weight of",
    "no such part": r"has no part '",
    "no such figure": r"is not (logged|measured|among)|nothing is logged as",
    "no memory": r"not enough memory|can't allocate memory",
    "no package": r"needs? (the package )?[\w' ]+, which (is|are) not installed",
    "without effect": r"has no effect|without effect|would (be|have) no|leaves? it out",
}
"""Form of the text, by the name of the reason."""
QUOTES = re.compile(r"^(?:segexp: )?(optimizer|scheduler|callbacks\.\w+|logger\.\w+|augment|trainer)\b")
"""Sections whose objects are of torch, Lightning or albumentations: what is said of them beside the list is theirs."""


def reasons_of(text: str) -> list[str]:
    """Names of the reasons that a text gives; empty: it is of no known form, and may quote a library."""
    return [name for name, form in REASONS.items() if re.search(form, text)]


def quoted(text: str) -> str | None:
    """The section whose library a text quotes; None: it quotes none."""
    found = QUOTES.match(text)
    return None if found is None else found[1]


def confirmed(section: str, config: Mapping[str, Any]) -> bool:
    """Whether the library itself refuses the block of a section: it is constructed as it stands, and steps."""
    import torch
    from hydra.utils import instantiate

    group, _, name = section.partition(".")
    block = config[group][name] if name else config[group]
    with warnings.catch_warnings(action="ignore"):
        try:
            if group == "trainer":
                from lightning.pytorch import Trainer

                own = {key: value for key, value in block.items() if key not in ("progress", "strategy", "devices")}
                Trainer(**own, logger=False, enable_checkpointing=False)
            elif group in ("optimizer", "scheduler"):
                weight = torch.nn.Parameter(torch.zeros(1, 1))
                weight.grad = torch.zeros(1, 1)
                optimizer = instantiate(config["optimizer"], _partial_=True, _convert_="all")([weight])
                optimizer.step(lambda: 0.0)
                if group == "scheduler":
                    own = {key: value for key, value in block.items() if key not in ("interval", "monitor")}
                    own = {key: 100 if value == "auto" else value for key, value in own.items()}
                    schedule = instantiate(own, _partial_=True, _convert_="all")(optimizer)
                    plateau = isinstance(schedule, torch.optim.lr_scheduler.ReduceLROnPlateau)
                    for _ in range(3):
                        schedule.step(0.0) if plateau else schedule.step()
            else:
                warnings.simplefilter("error", UserWarning)
                instantiate(block, _convert_="all")
        except Exception:  # whatever it is: it refuses
            return True
    return False
