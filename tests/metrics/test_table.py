"""Rows per image: order, doubles, types, and what stays on the processor."""

import pytest
import torch

from segexp.metrics.table import HostTable, ImageTable


def test_rows_come_back_by_number_and_doubles_count_once() -> None:
    table = ImageTable(2)
    table.update(torch.tensor([[5, 6], [1, 2]]), torch.tensor([3, 1]))
    table.update(torch.tensor([[5, 6], [9, 8]]), torch.tensor([3, 0]))
    ids, rows = table.compute()
    assert ids.tolist() == [0, 1, 3]
    assert rows.tolist() == [[9, 8], [1, 2], [5, 6]]
    assert rows.dtype == torch.int64


def test_a_host_table_learns_its_width_and_keeps_every_digit() -> None:
    table = HostTable()
    exact = torch.tensor([[0.1 + 2**-50, 2.0**53]], dtype=torch.float64)
    table.update(exact, torch.tensor([7]))
    ids, rows = table.compute()
    assert (ids.item(), ids.dtype) == (7, torch.int64)
    assert torch.equal(rows, exact)
    # Neither a device nor a lower precision reaches it.
    assert table.to("meta").half().compute()[1].dtype == torch.float64
    assert table.compute()[1].device.type == "cpu"


def test_a_single_number_stays_a_table() -> None:
    table = HostTable()
    table.update(torch.tensor([[2.5]], dtype=torch.float64), torch.tensor([0]))
    assert table.table().tolist() == [[2.5]]


@pytest.mark.filterwarnings("ignore:The ``compute`` method:UserWarning")
def test_no_image_is_an_empty_table() -> None:
    assert [part.shape for part in ImageTable(4).compute()] == [(0,), (0, 4)]
    assert [part.shape for part in HostTable().compute()] == [(0,), (0, 0)]
