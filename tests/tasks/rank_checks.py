"""Run by two processes at once: gradients and statistics of a divided batch beside those of a whole one."""

import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn

from segexp.tasks.distributed import ImageMeans, SharedBatchNorm, all_gather_batch, all_objects
from segexp.training.distributed import process_group
from tests.contracts.test_losses import CASES, make

SIZES = (3, 2)
"""Samples of each rank: not the same number."""
Found = dict[str, tuple[Tensor, Tensor]]


def net(classes: int) -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 1 if classes == 2 else classes, 1)
    ).double()


def data(classes: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(5, 3, 9, 13, generator=generator, dtype=torch.float64) + 2.0
    mask = torch.randint(0, classes, (5, 9, 13), generator=generator, dtype=torch.uint8)
    # Parts of ranks differ: more is ignored in the first, a class is rare in the second.
    mask[:3, :5] = 255
    mask[3:][mask[3:] == classes - 1] = 0
    mask[4, 0, :4] = classes - 1
    return image, mask


def state(model: nn.Module) -> Tensor:
    """Gradients and running statistics in one row."""
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    buffers = [buffer.double() for buffer in model.buffers()]
    return torch.cat([value.flatten() for value in (*gradients, *buffers)])


def mean_gradients(model: nn.Module) -> None:
    """What DDP does."""
    for parameter in model.parameters():
        assert parameter.grad is not None
        distributed.all_reduce(parameter.grad)
        parameter.grad /= len(SIZES)


def loss_check(name: str, classes: int, own: slice) -> tuple[Tensor, Tensor]:
    image, mask = data(classes)
    loss, alone, divided = make(name), net(classes), net(classes)
    loss(alone(image), mask).backward()
    with SharedBatchNorm():
        part = divided(image[own])
    total = loss(all_gather_batch(part, SIZES), all_gather_batch(mask[own], SIZES))
    (total * len(SIZES)).backward()
    mean_gradients(divided)
    return state(divided), state(alone)


def norm_check(layer: nn.Module, shape: tuple[int, ...], own: slice, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Output, gradient of the input, running statistics, of whole and divided batch."""
    generator = torch.Generator().manual_seed(2)
    whole = (torch.randn(5, *shape, generator=generator) * 3 + 50).to(dtype)
    weight = torch.randn(5, *shape, generator=generator).to(dtype)
    first = {name: value.clone() for name, value in layer.state_dict().items()}
    results = []
    for shared in (True, False):
        layer.load_state_dict(first)
        layer.zero_grad()
        image = (whole[own] if shared else whole).clone().requires_grad_()
        if shared:
            with SharedBatchNorm():
                output = layer(image)
            (output * weight[own]).sum().backward()
        else:
            output = layer(image)
            (output * weight).sum().backward()
        assert image.grad is not None
        rows = [value.detach().float() for value in (output, image.grad)]
        rows = rows if shared else [value[own] for value in rows]
        results.append(torch.cat([value.flatten() for value in (*rows, *layer.buffers())]))
        assert output.dtype == dtype
    return results[0], results[1]


def gathered_check(own: slice, rank: int) -> Found:
    found: Found = {}
    for dtype in (torch.bfloat16, torch.float16, torch.uint8, torch.bool):
        whole = torch.randint(0, 2, (5, 2, 3), generator=torch.Generator().manual_seed(3)).to(dtype)
        taken = all_gather_batch(whole[own].transpose(1, 2), SIZES)
        found[f"gathered {dtype}"] = taken.float(), whole.transpose(1, 2).float()
        assert taken.dtype == dtype
    means = ImageMeans()
    means.add(7 - rank, 1 + 2 * rank, {"val/loss": torch.tensor(float(rank))})
    assert means.take() == {"val/loss": 0.75}
    assert means.take() == {}
    assert all_objects(rank) == [0, 1]
    return found


def main(folder: Path, rank: int) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    own = slice(0, 3) if rank == 0 else slice(3, 5)
    found = gathered_check(own, rank)
    for case in CASES:
        name, classes = case.values
        found[f"{name} {classes}"] = loss_check(str(name), int(str(classes)), own)
    layers: dict[str, tuple[nn.Module, tuple[int, ...], torch.dtype]] = {
        "1d": (nn.BatchNorm1d(4), (4,), torch.float32),
        "3d": (nn.BatchNorm3d(2), (2, 3, 4, 5), torch.float32),
        "plain": (nn.BatchNorm2d(4, affine=False, track_running_stats=False), (4, 6, 5), torch.float32),
        "cumulative": (nn.BatchNorm2d(4, momentum=None), (4, 6, 5), torch.float32),
        "bfloat16": (nn.BatchNorm2d(4), (4, 6, 5), torch.bfloat16),
    }
    for name, (layer, shape, dtype) in layers.items():
        found[f"norm {name}"] = norm_check(layer, shape, own, dtype)
    content: dict[str, Any] = {name: list(pair) for name, pair in found.items()}
    torch.save(content, folder / f"found_{rank}.pt")
    # A process that ends in its group may abort: threads of gloo still wait for the other one.
    process_group.leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
