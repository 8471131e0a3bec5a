"""Which parts of a model are divided between ranks by themselves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import distributed, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor

from segexp.training.distributed.sharded import shard


@pytest.fixture
def mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DeviceMesh]:
    """Of one process."""
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,), mesh_dim_names=("data_parallel",))
    distributed.destroy_process_group()


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.small = nn.Linear(10, 1000)
        # A list is no part by itself, however large: its layers are called one by one.
        self.layers = nn.ModuleList([nn.Linear(1000, 1100), nn.Linear(1100, 20)])
        self.head = nn.Sequential(nn.Sequential(nn.Linear(20, 30_000), nn.ReLU()), nn.Linear(30_000, 20))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.small(x)
        for layer in self.layers:
            x = layer(x)
        y: torch.Tensor = self.head(x)
        return y


def test_large_parts_are_gathered_by_themselves(mesh: DeviceMesh) -> None:
    torch.manual_seed(0)
    model = Net()
    x = torch.randn(2, 10)
    before = model(x)
    shard(model, mesh)
    parts = [name for name, part in model.named_modules() if isinstance(part, FSDPModule)]
    # head: 630,000 + 600,020 weights, neither of which is large.
    assert parts == ["", "layers.0", "head"]
    assert all(isinstance(weight, DTensor) for weight in model.parameters())
    torch.testing.assert_close(model(x), before)
