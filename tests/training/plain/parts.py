"""Modules and data as Lightning's own pages teach them: nothing of segexp is in them."""

from functools import partial
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities import CombinedLoader
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset, random_split

from segexp.spec import DataSpec, MaskTarget


class LitAutoEncoder(L.LightningModule):
    def __init__(self, hidden: int = 8, lr: float = 1e-3) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.encoder = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 3))
        self.decoder = nn.Sequential(nn.Linear(3, hidden), nn.ReLU(), nn.Linear(hidden, 64))

    def loss_of(self, batch: Any) -> Tensor:
        x = batch[0].flatten(1)
        return F.mse_loss(self.decoder(self.encoder(x)), x)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = self.loss_of(batch)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self.log("val_loss", self.loss_of(batch), add_dataloader_idx=False)

    def test_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self.log("test_loss", self.loss_of(batch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.hparams["lr"])


class Untested(LitAutoEncoder):
    """Has neither a test nor a name whose words say which way is better."""

    test_step = L.LightningModule.test_step  # type: ignore[assignment]

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self.log("val_closeness", -self.loss_of(batch))


class Accurate(LitAutoEncoder):
    """Logs a figure whose name says that it is better high."""

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self.log("val_acc", -self.loss_of(batch))


class Together(LitAutoEncoder):
    """Logs figures of all processes that train together; steps along gradients, whose rounding Adam would blow up."""

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=self.hparams["lr"])

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self.log("val_loss", self.loss_of(batch), sync_dist=True)


class LitNet(LitAutoEncoder):
    """Takes objects, as the modules of lightning-hydra-template do."""

    def __init__(self, net: nn.Module, optimizer: partial[torch.optim.Optimizer]) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = net

    def loss_of(self, batch: Any) -> Tensor:
        return self.net(batch[0].flatten(1)).square().mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.hparams["optimizer"](self.net.parameters())


class Pixels(L.LightningModule):
    """Takes segexp's model and optimizer, and images of one of its data sets."""

    def __init__(self, model: nn.Module, optimizer: Any, weight: float = 1.0) -> None:
        super().__init__()
        self.model, self.make, self.weight = model, optimizer, weight

    def loss_of(self, batch: Any) -> Tensor:
        logits = self.model(batch["image"].float() / 255)[:, 0]
        return self.weight * F.binary_cross_entropy_with_logits(logits, (batch["target"] == 1).float())

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.loss_of(batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.loss_of(batch), batch_size=1)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.log("test_loss", self.loss_of(batch), batch_size=1)

    def configure_optimizers(self) -> Any:
        return self.make(self.parameters())


class Digits(L.LightningDataModule):
    def __init__(self, count: int = 60, batch_size: int = 12, tests: int = 1) -> None:
        super().__init__()
        self.count, self.batch_size, self.tests = count, batch_size, tests

    def setup(self, stage: str) -> None:
        generator = torch.Generator().manual_seed(42)
        whole = TensorDataset(torch.rand(self.count, 1, 8, 8, generator=generator))
        self.train, self.val, self.test = random_split(whole, [0.6, 0.2, 0.2], generator)

    def train_dataloader(self) -> Any:
        return DataLoader(self.train, self.batch_size, shuffle=True)

    def val_dataloader(self) -> Any:
        return DataLoader(self.val, self.batch_size)

    def test_dataloader(self) -> Any:
        return [DataLoader(self.test, self.batch_size) for _ in range(self.tests)]


class Halves(L.LightningDataModule):
    """Images for a task of segexp's: the lighter half of each is to be found, in two sets of validation images."""

    spec = DataSpec(MaskTarget(("dark", "light"), ((0, 0, 0), (255, 255, 255))), 1, (0.5,), (0.3,))

    def __init__(self, side_by_side: bool = False) -> None:
        super().__init__()
        self.side_by_side = side_by_side

    def images(self, count: int, seed: int) -> Any:
        image = torch.randint(0, 256, (count, 1, 16, 16), generator=torch.Generator().manual_seed(seed)).byte()
        return DataLoader(TensorDataset(image, (image[:, 0] > 127).byte()), batch_size=2)

    def train_dataloader(self) -> Any:
        return self.images(4, 0)

    def val_dataloader(self) -> Any:
        loaders = {"near": self.images(2, 1), "far": self.images(3, 2)}
        return CombinedLoader(loaders, "max_size_cycle") if self.side_by_side else loaders

    def test_dataloader(self) -> Any:
        return [self.images(2, 3), self.images(3, 4)]
