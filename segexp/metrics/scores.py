"""ScoreHistogram: the logits of both classes, from which threshold-free measures are made."""

from collections.abc import Callable
from itertools import groupby
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from segexp.errors import DataError, DivergedError, MismatchError
from segexp.metrics.blocks import Sides
from segexp.metrics.curves import ScoreCurve
from segexp.metrics.keys import Keys, Mixed, keys_of, parted
from segexp.metrics.ranked import Ranked, in_order, united
from segexp.metrics.table import gathered
from segexp.spec import IGNORED
from segexp.system.allocator import return_memory

EXACT = 3 << 24
"""Pixels of a data set (50 million) that are kept one by one, 4 bytes each; of more, few stand for many."""

PER_E_FOLD = 1 << 15
"""How finely: 290,000 values for the pixels of a class, see :meth:`segexp.metrics.ranked.Ranked.thinned`."""

TOGETHER = 16
"""Thinned parts of a data set that are thinned again, as one."""

ON_DEVICE = 1 << 24
"""Pixels of a data set that stay in the memory of an accelerator, where they are sorted faster."""

SIDES = ("negatives", "positives")

SINGLE = ("keys", *SIDES)
"""States with one number per pixel."""


def separated(logits: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """The logits of the pixels of each class.

    Args:
        logits: float (B, 1, H, W) or the shape of ``truth``, of the second class.
        truth: uint8 (B, H, W) of 0, 1 and 255 (ignored).

    Returns:
        Of class 0 and of class 1, float32 (n,) each; float64 where the logits are.

    Raises:
        MismatchError: The shapes do not fit each other.
        DataError: The truth holds another value.
    """
    return _parted(*_flat(logits, truth))


def _flat(logits: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    if logits.shape != truth.shape and logits.shape != (*truth.shape[:1], 1, *truth.shape[1:]):
        raise MismatchError(
            f"scores: found logits {tuple(logits.shape)} and a mask {tuple(truth.shape)}, expected logits (B, 1, H, W) "
            "of the second class and a mask (B, H, W); mask.squeeze(1) takes a channel off"
        )
    scores = logits.detach().reshape(-1)
    return scores if scores.dtype == torch.float64 else scores.float(), truth.reshape(-1)


def _parted(scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    return (_on_host if scores.device.type == "cpu" else _on_device)(scores, labels)


def _keyed(scores: Tensor, labels: Tensor) -> Tensor | None:
    """Keys int32 (n,) of the pixels that count; None where there are none, see :func:`segexp.metrics.keys.keys_of`."""
    if scores.device.type != "cpu" or (scores.dtype, labels.dtype) != (torch.float32, torch.uint8):
        return None
    classes = labels.numpy()
    if classes.max(initial=0) > 1 and np.count_nonzero(classes == IGNORED) < np.count_nonzero(classes > 1):
        _refuse(labels)
    keys = keys_of(scores.numpy(), classes)
    return None if keys is None else torch.from_numpy(keys)


def _on_host(scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """NumPy is twice as fast as torch on a processor."""
    values, classes = scores.numpy(), labels.numpy()
    sides = values[classes == 0], values[classes == 1]
    counted = len(sides[0]) + len(sides[1])
    if counted < len(classes) and counted + np.count_nonzero(classes == IGNORED) < len(classes):
        _refuse(labels)
    return torch.from_numpy(sides[0]), torch.from_numpy(sides[1])


def _on_device(scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    sides = scores[labels == 0], scores[labels == 1]
    if sides[0].numel() + sides[1].numel() + int((labels == IGNORED).sum()) < labels.numel():
        _refuse(labels)
    return sides


def _refuse(labels: Tensor) -> NoReturn:
    found = sorted(set(torch.unique(labels).tolist()) - {0, 1, IGNORED})
    raise DataError(f"scores: the mask holds {found}, expected 0, 1 and {IGNORED} for ignored pixels")


class ScoreHistogram(Metric):
    """The logits of both classes: a histogram with a place for every logit there is.

    Exact up to 50 million pixels of all batches and ranks: what is computed then does not depend on their number or
    order. Of more pixels few values stand for many, so that AUC, average precision and Dice are wrong by at most 1e-4;
    the curve says by how much at most (``bound``).

    Memory: 4 bytes per pixel (8 for float64 logits) up to that number, 200 MB, and once more as much for a moment while
    they are put in order (twice where nearly every pixel is of the second class); then 9 MB per 50 million pixels
    beside that, from 800 million on 12 MB per 800 million.

    Args:
        exact: Number of pixels up to which every one is kept.
        kwargs: For torchmetrics.
    """

    full_state_update = False
    keys: list[Tensor] | Tensor
    negatives: list[Tensor] | Tensor
    positives: list[Tensor] | Tensor
    thin_negatives: list[Tensor] | Tensor
    thin_positives: list[Tensor] | Tensor
    depths: list[Tensor] | Tensor

    def __init__(self, exact: int = EXACT, **kwargs: Any) -> None:
        # As objects: ranks have different numbers of pixels, and some none.
        super().__init__(dist_sync_fn=gathered, **kwargs)
        self.exact = exact
        self._known = 0, 0
        # One number per pixel: int32 (n,) for each batch, of both classes; where that cannot be, float (n,) of each.
        self.add_state("keys", default=[], dist_reduce_fx="cat")
        self.add_state("negatives", default=[], dist_reduce_fx="cat")
        self.add_state("positives", default=[], dist_reduce_fx="cat")
        # Values and the pixels they stand for, float64 (n, 2) for each part; how often it was thinned, int64 (1,).
        self.add_state("thin_negatives", default=[], dist_reduce_fx="cat")
        self.add_state("thin_positives", default=[], dist_reduce_fx="cat")
        self.add_state("depths", default=[], dist_reduce_fx="cat")

    def update(self, logits: Tensor, truth: Tensor) -> None:
        """Take a batch; logits and truth as for :func:`separated`."""
        scores, labels = _flat(logits, truth)
        keys = _keyed(scores, labels)
        if keys is not None:
            self._keep(keys=keys)
        else:
            negatives, positives = _parted(scores, labels)
            self._keep(negatives=negatives, positives=positives)

    def compute(self) -> ScoreCurve:
        """AUC, average precision, curves and the best threshold of everything taken on all ranks.

        Raises:
            DivergedError: A logit is nan.
        """
        if not any(len(part) for name in (*SIDES, "depths") for part in self._list(name)):
            return ScoreCurve(Mixed(self._keys_in_order()))
        self._part()
        whole = [self._in_order(name) for name in SIDES]
        thin = [_parts(self._list(f"thin_{name}")) for name in SIDES]
        if not any(thin):
            return ScoreCurve(Sides(*whole))
        sides = [united([*parts, own.thinned(PER_E_FOLD)]) for parts, own in zip(thin, whole, strict=True)]
        twice = any(bool((depth > 1).any()) for depth in self._list("depths"))
        # Twice the relative error of the pixels at or above a score, see Ranked.thinned: the areas are integrals of
        # quotients of such numbers.
        return ScoreCurve(Sides(*sides), 2 * (1.5 if twice else 0.5) / PER_E_FOLD)

    def _keep(self, **states: Tensor) -> None:
        for name, values in states.items():
            self._list(name).append(values)
        parts = sum(len(self._list(name)) for name in SINGLE)
        # Counted anew only where something else than an update has changed the lists.
        known = self._known[0] == parts - len(states)
        kept = self._known[1] + sum(map(len, states.values())) if known else self._kept()
        self._known = parts, kept
        if kept > ON_DEVICE and any(values.device.type != "cpu" for values in states.values()):
            for name in SIDES:
                setattr(self, name, [part.cpu() for part in self._list(name)])
        if kept > self.exact:
            self._thin()

    def _kept(self) -> int:
        """Pixels that are kept one by one."""
        return sum(len(part) for name in SINGLE for part in self._list(name))

    def _part(self) -> None:
        """Keeps the scores of keys by class from now on."""
        parts = self._list("keys")
        while parts:  # each is given back before the next is parted
            for name, values in zip(SIDES, parted(parts.pop().cpu().numpy()), strict=True):
                self._list(name).append(torch.from_numpy(values))

    def _thin(self) -> None:
        """Lets few values stand for the pixels kept one by one; then for many such parts as well."""
        self._part()
        self._replace(0, [[self._in_order(name)] for name in SIDES], 1)
        for name in SIDES:
            setattr(self, name, [])
        depths = [int(depth) for depth in self._list("depths")]
        for depth, places in groupby(reversed(range(len(depths))), key=depths.__getitem__):
            last = list(places)
            if depth == 1 and len(last) >= TOGETHER:
                self._replace(len(last), [_parts(self._list(f"thin_{name}")[-len(last) :]) for name in SIDES], 2)
            break

    def _replace(self, last: int, sides: list[list[Ranked]], depth: int) -> None:
        """Puts one thinned part in the place of the last ones."""
        for name, parts in zip(SIDES, sides, strict=True):
            made = (parts[0] if len(parts) == 1 else united(parts)).thinned(PER_E_FOLD)
            kept = self._list(f"thin_{name}")
            kept[len(kept) - last :] = [_as_table(made)]
        depths = self._list("depths")
        depths[len(depths) - last :] = [torch.tensor([depth])]

    def _keys_in_order(self) -> Keys:
        """All keys; from then on in order, as one part."""
        parts = self._list("keys")
        several = len(parts) > 1
        whole: Keys = _host(parts, np.int32)
        if several or not (whole[1:] >= whole[:-1]).all():
            whole.sort()
        self.keys = [torch.from_numpy(whole)]
        return whole

    def _in_order(self, name: str) -> Ranked:
        """The values of one side that are kept one by one; from then on in order, as one part."""
        parts = self._list(name)
        several = len(parts) > 1
        whole = _host(parts)
        try:
            found = in_order(whole, known=not several)
        except ValueError as error:
            raise DivergedError("scores: a logit is nan, which is neither above nor below a threshold") from error
        setattr(self, name, [torch.from_numpy(whole)])
        return found

    def _list(self, name: str) -> list[Tensor]:
        found: list[Tensor] | Tensor = getattr(self, name)
        if isinstance(found, Tensor):  # after a sync
            found = [found]
            setattr(self, name, found)
        return found

    def _sync_dist(self, dist_sync_fn: Callable[..., Any] = gathered, process_group: Any | None = None) -> None:
        """Exchange between ranks: of more pixels than are kept one by one, thinned ones."""
        kept = sum(int(number) for number in gathered(torch.tensor(self._kept()), process_group or self.process_group))
        if kept > self.exact and self._kept():
            self._thin()
        for name, empty in self._nothing().items():
            setattr(self, name, [torch.cat([part.cpu() for part in (*self._list(name), empty)])])
        super()._sync_dist(dist_sync_fn, process_group)

    @staticmethod
    def _nothing() -> dict[str, Tensor]:
        """Empty states, for a rank without images."""
        pixels, table = torch.zeros(0), torch.zeros(0, 2, dtype=torch.float64)
        return {
            "keys": torch.zeros(0, dtype=torch.int32),
            **dict.fromkeys(SIDES, pixels),
            **{f"thin_{name}": table for name in SIDES},
            "depths": torch.zeros(0, dtype=torch.int64),
        }


def _host(parts: list[Tensor], least: type = np.float32) -> Any:
    """All parts as one array, at least of that type; what lies on an accelerator is sorted there. Empties the list."""
    if any(part.device.type != "cpu" for part in parts):
        whole = torch.cat(parts).sort().values.cpu()
        parts.clear()
        return whole.numpy()
    if len(parts) == 1:
        return parts[0].numpy()
    kind = np.result_type(least, *(part.numpy().dtype for part in parts))
    whole_array = np.empty(sum(map(len, parts)), dtype=kind)
    place = len(whole_array)
    while parts:  # each is given back before the next is copied
        part = parts.pop()
        whole_array[place - len(part) : place] = part.numpy()
        place -= len(part)
    if len(whole_array) > ON_DEVICE:
        return_memory(len(whole_array))
    return whole_array


def _as_table(part: Ranked) -> Tensor:
    return torch.from_numpy(np.stack((part.values, part.counts()), axis=1).astype(np.float64))


def _parts(tables: list[Tensor]) -> list[Ranked]:
    """Tables (n, 2) as they were made, empty ones left out; after a sync several stand in one, not in order."""
    arrays = [table.cpu().numpy() for table in tables if len(table)]
    return [united([Ranked(array[:, 0], array[:, 1].astype(np.int64))]) for array in arrays]
