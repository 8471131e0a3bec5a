"""Objects from a config: what a run that goes on from a checkpoint leaves out."""

from typing import Any

import pytest
import torch

from segexp.errors import UserError
from segexp.spec import DataSpec
from segexp.training.build import build_model

SPEC = DataSpec(("background", "vessel"), ((0, 0, 0), (255, 0, 0)))


def config(**more: Any) -> dict[str, Any]:
    model = {"_target_": "segexp.models.segnet.SegNet", "base": 64, "pretrained": "no/such/file.pth"}
    return {"model": model, "resume": None, **more}


def test_published_weights_are_asked_for() -> None:
    with torch.device("meta"), pytest.raises(UserError, match=r"no/such/file\.pth"):
        build_model(config(), SPEC)


def test_a_resumed_run_reads_no_published_weights() -> None:
    given = config(resume="outputs/x/last.ckpt")
    with torch.device("meta"):
        model = build_model(given, SPEC)
    assert sum(p.numel() for p in model.parameters()) == 29_443_585
    assert given["model"]["pretrained"] == "no/such/file.pth", "the config that is recorded stays as given"
