"""Two ranks give what one gives, also when one of them has no image."""

import socket
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch import Tensor, distributed, multiprocessing

from segexp.config.paths import conf_dir
from segexp.metrics.base import ImageMeasure
from segexp.metrics.counts import ConfusionCounts, confusion
from segexp.metrics.figures import Leaves, dataset_leaves, image_leaves, image_mean_leaves
from segexp.metrics.scores import ScoreHistogram
from segexp.spec import DataSpec, MaskTarget
from segexp.tasks import test_figures as counting
from tests.forked import fork_server

SPECS = (
    DataSpec(MaskTarget(("a", "b"), ((0, 0, 0),) * 2)),
    DataSpec(MaskTarget(("a", "b", "c"), ((0, 0, 0),) * 3), pixel_size=0.5),
)


def case(spec: DataSpec = SPECS[0]) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(5, spec.out_channels, 8, 9, generator=generator)
    truth = torch.randint(0, spec.num_classes, (5, 8, 9), generator=generator).to(torch.uint8)
    truth[:, 0] = 255
    truth[1].clamp_(max=0)  # an image without foreground
    return logits, truth


# The images of each rank: first one counted twice, as a padding sampler does; a rank without any; our own sampler.
SHARES = [[[0, 2, 4], [1, 3, 0]], [[4, 3, 2, 1, 0], []], [[0, 2, 4], [1, 3]]]


def work(rank: int, port: int, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    results = [measure(share[rank]) for share in SHARES]
    tests = [[leaves(spec, share[rank]) for spec in SPECS] for share in SHARES]
    torch.save(results, Path(folder) / f"{rank}.pt")
    torch.save(tests, Path(folder) / f"tests{rank}.pt")
    distributed.destroy_process_group()


def measure(images: list[int]) -> tuple[Tensor, Tensor, float | None, tuple[int, float, float | None]]:
    logits, truth = case()
    counts, histogram = ConfusionCounts(2), ScoreHistogram()
    thin = ScoreHistogram(exact=200)  # more than a rank has of ours, fewer than both
    for index in images:
        one = slice(index, index + 1)
        counts.update((logits[one] >= 0)[:, 0], truth[one], torch.tensor([index]))
        histogram.update(logits[one], truth[one])
        thin.update(logits[one], truth[one])
    ids, matrices = counts.compute()
    few = thin.compute()
    return ids, matrices, histogram.compute().auc(), (few.pixels, few.bound, few.auc())


def costly(spec: DataSpec) -> dict[str, ImageMeasure]:
    """Every costly measure there is."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        sections = compose("train", ["metric=all"]).metric
    made = {str(name): instantiate(section) for name, section in sections.items()}
    for one in made.values():
        one.prepare(spec)
    return made


def leaves(spec: DataSpec, images: list[int], size: int = 1) -> dict[str, list[float]]:
    """Every figure of a test, after the images came in batches of a size."""
    logits, truth = case(spec)
    tested = counting.Tested(spec, costly(spec), torch.device("cpu"))
    for chosen in torch.tensor(images, dtype=torch.int64).split(size) if images else ():
        some = logits[chosen]
        classes = [(some[:, 0] >= edge).byte() if spec.is_binary else some.argmax(1).byte() for edge in (0.5, 0.0)]
        predictions = dict(zip(("at_threshold", "at_half"), classes, strict=True))
        likely = torch.sigmoid if spec.is_binary else partial(torch.softmax, dim=1)
        tested.update(some, likely, predictions, {"target": truth[chosen], "index": chosen})
    found: dict[str, list[float]] = {}
    for name in tested.counts:
        families = list(tested.families(name)[1].values())
        kinds: dict[str, Leaves] = {
            "dataset": dataset_leaves(families),
            "image": image_mean_leaves(families),
            "each": image_leaves(families),
        }
        for kind, leaf in kinds.items():
            found |= {"/".join((name, kind, *path)): value.tolist() for path, value in leaf.items()}
    return found


def same(found: dict[str, list[float]], wanted: dict[str, list[float]], *, without: tuple[str, ...] = ()) -> None:
    assert list(found) == list(wanted)
    for name, value in found.items():
        if not any(part in name.split("/") for part in without):
            np.testing.assert_array_equal(value, wanted[name], err_msg=name)


@pytest.mark.parametrize("spec", SPECS, ids=["two", "three"])
def test_batch_size_changes_no_figure(spec: DataSpec) -> None:
    one = leaves(spec, [0, 1, 2, 3, 4])
    for size in (3, 8):
        same(leaves(spec, [4, 2, 0, 1, 3], size), one)
    figures = {name.split("/")[2] for name in one}
    assert {"iou", "kappa", "mcc", "auc", "ap", "brier", "ece", "cldice", "object_f1", "hd95", "asd"} <= figures
    assert not any("hd95" in name for name in one if "/dataset/" in name)


@pytest.mark.filterwarnings("ignore:The ``compute`` method:UserWarning")  # the rank without images, on purpose
def test_two_ranks(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Forks of a process that has imported torch and computed nothing.
    fork_server()
    multiprocessing.start_processes(work, (port, str(tmp_path)), nprocs=2, start_method="forkserver")  # type: ignore[no-untyped-call]
    logits, truth = case()
    alone = [leaves(spec, [0, 1, 2, 3, 4]) for spec in SPECS]
    for rank in (0, 1):
        for share, (ids, matrices, auc, few) in zip(SHARES, torch.load(tmp_path / f"{rank}.pt"), strict=True):
            assert ids.tolist() == [0, 1, 2, 3, 4]
            assert torch.equal(matrices, confusion((logits >= 0)[:, 0], truth, 2))
            assert auc == measure(share[0] + share[1])[2]
            assert few[0] == sum(int((truth[index] != 255).sum()) for index in share[0] + share[1])
            assert 0 < few[1] <= 1e-4
            assert few[2] == pytest.approx(auc, abs=few[1])
        padded, one_empty, ours = torch.load(tmp_path / f"tests{rank}.pt")
        for place in range(len(SPECS)):
            # The histogram of the data set knows no images: what a rank has twice counts twice. Our sampler gives none.
            same(padded[place], alone[place], without=("auc", "ap"))
            same(one_empty[place], alone[place])
            same(ours[place], alone[place])
