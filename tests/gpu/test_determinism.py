"""With deterministic=true a training gives the same bits again; what PyTorch has no such kernel for has another way."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from segexp.models.upsampling import MaxUnpool, scatter_unpool
from tests.gpu.conftest import Note
from tests.gpu.device import Device, composed
from tests.training.runs import run, same_weights, without

NETWORKS = {
    "segnet_shallow": ("model=segnet_shallow", "loss=ce", "task.two_logits=true"),
    "cunet, several terms": ("model=cunet", "loss=bce_jaccard", "model.upsample=bilinear"),
    "lovasz": ("model=cunet", "loss=ce_lovasz", "task.two_logits=true"),
    "topology": ("model=cunet", "loss=bce_dice_cldice"),
}


@pytest.mark.parametrize("network", NETWORKS)
def test_twice_the_same_bits(network: str, device: Device, drive: Path, note: Note) -> None:
    words = (
        "datamodule=drive", f"datamodule.root={drive}", "datamodule.crop_size=32", "datamodule.crops_per_image=2",
        "datamodule.loader.batch_size=4", "trainer.deterministic=true", *NETWORKS[network],
    )  # fmt: skip
    one, other = (run(composed(device, *words)) for _ in range(2))
    note(network=network, loss=float(one.rows[-1]["train/loss"]))
    assert same_weights(one.last, other.last)
    assert without(one.rows, "seconds") == without(other.rows, "seconds")


Unpool = Callable[[Tensor, Tensor, int, int], Tensor]


def unpooled(unpool: Unpool, device: torch.device, *, deterministic: bool) -> tuple[Tensor, Tensor]:
    """Values and gradient of an unpooling on a device, in ordinary memory."""
    image = torch.randn(2, 8, 20, 20, generator=torch.Generator().manual_seed(0))
    torch.use_deterministic_algorithms(deterministic)
    features = image.to(device).requires_grad_()
    pooled, places = F.max_pool2d(features, 2, return_indices=True)
    values = unpool(pooled, places, 20, 20)
    (gradient,) = torch.autograd.grad((values * torch.arange(20, device=device)).sum(), features)
    torch.use_deterministic_algorithms(False)
    return values.detach().cpu(), gradient.cpu()


def test_unpooling_has_a_deterministic_way_of_equal_value_and_gradient(device: Device) -> None:
    wanted = unpooled(MaxUnpool(), torch.device("cpu"), deterministic=False)
    ways: list[tuple[Unpool, bool]] = [(MaxUnpool(), False), (MaxUnpool(), True), (scatter_unpool, True)]
    for unpool, deterministic in ways:
        found = unpooled(unpool, device.torch, deterministic=deterministic)
        assert all(torch.equal(one, other) for one, other in zip(wanted, found, strict=True))
