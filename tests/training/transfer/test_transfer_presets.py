"""Presets of transfer learning, narrow, on drawn data: counts, frozen weights bit for bit, a word on random ones."""

from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir

from segexp.config.composed import checked_train
from segexp.config.experiment import Experiment
from segexp.config.paths import conf_dir
from segexp.models.fcn8s_vgg16 import Fcn8sVgg16
from segexp.training.hardware import with_hardware
from segexp.training.prepare import prepare
from tests.training.runs import run

QUICK = (
    "datamodule.generate=true", "trainer.max_epochs=2", "trainer.accelerator=cpu", "trainer.progress=none",
    "bootstrap=0", "panels=0", "baselines=false", "metric=[]",
)  # fmt: skip
NARROW = {
    "arrays_fcn8s_vgg16": ("model.base=1", "datamodule.crops_total=10"),
    "folder_deeplabv3": ("model.base=2", "model.encoder=resnet18"),
}


def preset(name: str, *words: str) -> Experiment:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return checked_train(compose("train", [f"experiment={name}", *QUICK, *words]))


@pytest.mark.parametrize("name", NARROW)
def test_two_epochs_run_on_drawn_data(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    experiment = preset(name, *NARROW[name])
    before = prepare(with_hardware(experiment), allocator=False).module.state_dict()
    before = {key: value.clone() for key, value in before.items()}
    done = run(experiment)
    assert [row["epoch"] for row in done.rows] == ["0", "1"]
    assert done.content["rows"][0]["dataset"]["accuracy"] is not None
    if name != "arrays_fcn8s_vgg16":
        return
    after = done.last["state_dict"]
    frozen = [key for key in after if key.startswith("model.encoder.")]
    assert len(frozen) == 26
    assert all(torch.equal(after[key], before[key]) for key in frozen)
    assert not torch.equal(after["model.to_image.weight"], before["model.to_image.weight"])
    model = done.record["model"]
    assert model["parameters"] - model["trainable"] == sum(after[key].numel() for key in frozen)
    (note,) = [note for note in done.content["notes"] if note.startswith("frozen with random weights")]
    assert "model.pretrained=<path> (python -m segexp weights" in note


def test_the_laboratory_s_counts() -> None:
    with torch.device("meta"):
        model = Fcn8sVgg16(3, 2, freeze_encoder=True)
    sizes = {
        trained: sum(p.numel() for p in model.parameters() if p.requires_grad == trained) for trained in (True, False)
    }
    assert sizes == {True: 121_799_428, False: 14_714_688}
    assert sum(sizes.values()) == 136_514_116
    experiment = preset("arrays_fcn8s_vgg16")
    assert (experiment.model["base"], experiment.model["freeze_encoder"]) == (64, True)
    assert experiment.task["two_logits"] is True
    assert (experiment.datamodule["crops_total"], experiment.datamodule["loader"]["batch_size"]) == (180, 5)


@pytest.mark.slow
def test_one_step_of_the_whole_network_leaves_the_encoder_bit_for_bit() -> None:
    torch.manual_seed(0)
    model = Fcn8sVgg16(3, 2, freeze_encoder=True).train()
    before = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    optimizer = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad])
    logits = model(torch.randn(1, 3, 224, 224))
    assert logits.shape == (1, 2, 224, 224)
    torch.nn.functional.cross_entropy(logits, torch.randint(2, (1, 224, 224))).backward()
    optimizer.step()
    assert all(torch.equal(value, before[name]) for name, value in model.encoder.state_dict().items())
