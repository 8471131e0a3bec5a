"""Two ranks give what one gives, also when one of them has no image."""

import socket
from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, multiprocessing

from segexp.metrics.counts import ConfusionCounts, confusion
from segexp.metrics.scores import ScoreHistogram


def case() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 1, 8, 9, generator=generator)
    return logits, torch.randint(0, 2, (5, 8, 9), generator=generator).to(torch.uint8)


# The images of each rank: first one counted twice, as a padding sampler does; then a rank without any.
SHARES = [[[0, 2, 4], [1, 3, 0]], [[4, 3, 2, 1, 0], []]]


def work(rank: int, port: int, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    results = [measure(share[rank]) for share in SHARES]
    torch.save(results, Path(folder) / f"{rank}.pt")
    distributed.destroy_process_group()


def measure(images: list[int]) -> tuple[Tensor, Tensor, float | None]:
    logits, truth = case()
    counts, histogram = ConfusionCounts(2), ScoreHistogram()
    for index in images:
        one = slice(index, index + 1)
        counts.update((logits[one] >= 0)[:, 0], truth[one], torch.tensor([index]))
        histogram.update(logits[one], truth[one])
    ids, matrices = counts.compute()
    return ids, matrices, histogram.compute().auc()


@pytest.mark.filterwarnings("ignore:The ``compute`` method:UserWarning")  # the rank without images, on purpose
def test_two_ranks(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    multiprocessing.spawn(work, args=(port, str(tmp_path)), nprocs=2)  # type: ignore[no-untyped-call]
    logits, truth = case()
    for rank in (0, 1):
        for share, (ids, matrices, auc) in zip(SHARES, torch.load(tmp_path / f"{rank}.pt"), strict=True):
            assert ids.tolist() == [0, 1, 2, 3, 4]
            assert torch.equal(matrices, confusion((logits >= 0)[:, 0], truth, 2))
            assert auc == measure(share[0] + share[1])[2]
