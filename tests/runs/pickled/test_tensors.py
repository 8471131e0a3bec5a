"""What pickles of torch say of their tensors."""

from pathlib import Path

import pytest
import torch
from torch._weights_only_unpickler import _get_allowed_globals

from segexp.runs.pickled.reader import Made, Named, Outside
from segexp.runs.pickled.tensors import SIZES, TAKEN, tensor_of, tensors_in
from segexp.runs.pickled.torch_file import read_torch_file, storage_bytes

DTYPES = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64",
          "uint16", "float8_e4m3fn")  # fmt: skip


def test_what_is_taken_is_what_torch_takes() -> None:
    theirs = set(_get_allowed_globals())
    # Another torch may know more or fewer types; of what it calls, ours are known.
    assert {name for name in theirs ^ TAKEN if not name.startswith("torch.")} == set()
    assert len(theirs & TAKEN) / len(theirs | TAKEN) > 0.9


@pytest.mark.parametrize("archive", [True, False])
def test_types_and_shapes_without_torch(archive: bool, tmp_path: Path) -> None:
    tensors = {name: torch.zeros(2, 3).to(getattr(torch, name)) for name in DTYPES}
    content = {"a": tensors, "b": [torch.nn.Parameter(torch.ones(4)), torch.zeros(10)[2:5], torch.tensor(2.5)]}
    torch.save(content, tmp_path / "x.pt", _use_new_zipfile_serialization=archive)
    file = read_torch_file(tmp_path / "x.pt")
    assert file is not None
    assert file.strangers == []
    found = dict(tensors_in(file.content.value))
    for name, tensor in tensors.items():
        assert (found[f"a.{name}"].dtype, found[f"a.{name}"].shape) == (name, (2, 3))
        assert SIZES[name] == tensor.element_size()
    assert [found[f"b.{index}"].shape for index in range(3)] == [(4,), (3,), ()]
    assert (found["b.1"].held, found["b.1"].offset) == (10, 2)
    if archive:
        assert storage_bytes(file)[found["b.1"].key] == 40
        assert file.scalar(found["b.2"]) == 2.5
        assert file.scalar(found["b.0"]) is None


def test_sides_that_none_can_have() -> None:
    place = Outside(("storage", Named("torch.FloatStorage"), "0", "cpu", 1))
    for shape in ((-1,), (2**63,), (1,) * 100, ("a",), [1], None):
        with pytest.raises(ValueError, match="a tensor has"):
            tensor_of(Made(Named("torch._utils._rebuild_tensor_v2"), (place, 0, shape, ())))


def test_lists_in_lists_without_end_are_looked_at_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segexp.runs.pickled.tensors._ENTRIES", 20_000)
    endless: list[object] = [1]
    endless += [endless] * 2_000
    assert list(tensors_in({"a": endless})) == []
