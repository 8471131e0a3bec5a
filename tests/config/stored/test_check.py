"""What a stored config may ask for: by role, no more than data may."""

from pathlib import Path
from typing import Any

import pytest

from segexp.config.stored.arguments import check_choices
from segexp.config.stored.check import again, check_overrides, check_stored, needed
from segexp.config.stored.tree import leads_outside, wrong_name
from segexp.errors import ConfigError, StoredError
from tests.training.runs import composed

SOURCE = Path("/data/outputs/vessels/run/config.yaml")
UNET = {"_target_": "segexp.models.unet.UNet", "base": 8}
SUM = "segexp.losses.weighted_sum.WeightedSum"
CHECKPOINTS = {"_target_": "lightning.pytorch.callbacks.ModelCheckpoint"}
SCHEDULERS = "torch.optim.lr_scheduler"


def test_what_segexp_composes_is_taken() -> None:
    for words in ([], ["loss=ce_dice", "datamodule.scene=cells"], ["augment=strong", "scheduler=plateau"]):
        config = composed(*words).plain()
        check_stored(config, SOURCE, sweeps=True)
        assert needed(config) == []
        assert again(config, SOURCE, sweeps=True) == []


GOOD: list[dict[str, Any]] = [
    {"model": {"_target_": "torch.nn.Conv2d", "_convert_": "all"}, "loss": {"_target_": "torch.nn.BCEWithLogitsLoss"}},
    {"loss": {"_target_": SUM, "terms": {"a": {"_target_": "segexp.losses.dice.Dice"}}, "weights": {"a": 1}}},
    {
        "scheduler": {
            "target": {
                "_target_": f"{SCHEDULERS}.SequentialLR", "_partial_": True, "milestones": [5],
                "schedulers": [{"_target_": f"{SCHEDULERS}.LinearLR"}, {"_target_": f"{SCHEDULERS}.ConstantLR"}],
            }
        }
    },
    {"scheduler": {"target": None}, "logger": {}, "metric": {}, "callbacks": {"extra": []}},
    {"callbacks": {"extra": [{"_target_": "lightning.pytorch.callbacks.ModelCheckpoint", "filename": "{epoch}"}]}},
    {
        "augment": {
            "_target_": "segexp.data.sampling.augment.Augment",
            "transforms": [{"_target_": "albumentations.OneOf", "transforms": [{"_target_": "albumentations.D4"}]}],
        }
    },
    {"logger": {"mlflow": {"_target_": "segexp.training.loggers.build.mlflow_logger", "tracking_uri": None}}},
    {"callbacks": {"my": {**CHECKPOINTS, "train_time_interval": {"_target_": "datetime.timedelta", "minutes": 1}}}},
    {"logger": {"csv": {"_target_": "lightning.pytorch.loggers.CSVLogger", "save_dir": "x"}}},  # below the run folder
    {"metric": {"jaccard": {"_target_": "torchmetrics.JaccardIndex", "task": "binary"}}},
    {"datamodule": {"_target_": "segexp.data.folder.FolderDataModule", "root": "/data/x", "table": "../t.csv"}},
    {"optimizer": {"_target_": "torch.optim.SGD", "lr": "${rate}"}, "rate": 0.1},
    {"name": "a/b", "output_dir": "/data/outputs"},
    {"datamodule": {"_target_": "segexp.data.datasets.drive.DriveDataModule", "mask_values": {0: "a", 255: "b"}}},
]  # fmt: skip


@pytest.mark.parametrize("config", GOOD)
def test_honest_configs_are_taken(config: dict[str, Any]) -> None:
    check_stored(config, SOURCE)


BAD: list[tuple[dict[str, Any], str]] = [
    # A class of another role, or of a package that was not named.
    ({"optimizer": {"_target_": "torch.nn.Conv2d"}}, "optimizer._target_: 'torch.nn.Conv2d' is a class of"),
    ({"callbacks": {"extra": [UNET]}}, "callbacks.extra.0._target_: 'segexp.models.unet.UNet' is"),
    ({"model": {"_target_": "torch.ao.nn.quantized.Linear"}}, "is of the package torch.ao.nn.quantized"),
    ({"model": {"_target_": "torch.nn.quantized.Linear"}}, "'trust=[torch.ao.nn.quantized.modules.linear]'"),
    ({"metric": {"x": {"_target_": "torchmetrics.text.BERTScore"}}}, "of the package torchmetrics.text"),
    ({"model": {"_target_": "albumentations.D4"}}, "model._target_: 'albumentations.D4'"),
    ({"logger": {"wandb": {"_target_": "segexp.training.loggers.build.check_loggers"}}}, "is a function"),
    ({"logger": {"csv": {"_target_": "lightning.pytorch.Trainer"}}}, "of another kind"),
    ({"logger": {"csv": {"_target_": "lightning.pytorch.loggers.CSVLogger", "save_dir": "/x"}}}, "a path out of its"),
    ({"logger": {"csv": {"_target_": "lightning.pytorch.loggers.CSVLogger", "name": "../x"}}}, "a path out of its"),
    ({"logger": {"m": {"_target_": "lightning.pytorch.loggers.MLFlowLogger", "tracking_uri": "a://x"}}}, "is of the"),
    ({"model": {"_target_": ["os.system"]}}, "model._target_: ['os.system']"),
    ({"model": "${loss}", "loss": "os.system"}, "model: found"),
    # An object where none is taken.
    ({"model": {**UNET, "norm": {"_target_": "datetime.timedelta"}}}, "model.norm._target_: 'datetime.timedelta' st"),
    ({"model": {**UNET, "norm": UNET}}, "model.norm._target_: 'segexp.models.unet.UNet' stands where no object is"),
    ({"model": {**UNET, "_args_": [UNET]}}, "model._args_.0._target_"),
    ({"model": {**UNET, "_partial_": UNET}}, "model._partial_: found"),
    ({"model": {**UNET, "_convert_": "any"}}, "model._convert_: found 'any'"),
    ({"model": {**UNET, "base": "${callbacks.extra[0]}"},
      "callbacks": {"extra": [{"_target_": "lightning.pytorch.Callback"}]}}, "model.base._target_"),
    ({"trainer": {"deep": [{"a": UNET}]}}, "trainer.deep.0.a._target_"),
    ({"loss": {"_target_": SUM, "terms": {"a": UNET}}}, "loss.terms.a._target_"),
    ({"scheduler": {"interval": UNET}}, "scheduler.interval._target_"),
    # Texts that Hydra would resolve.
    ({"name": "${oc.env:HOME}"}, "name: found '${oc.env:HOME}'"),
    ({"a": "x${oc.env:HOME,none}y"}, "a: found"),
    ({"a": "${${b}}", "b": "oc.env:HOME"}, "a: found"),
    ({"model": {"_target_": "${a}"}, "a": "os.system"}, "model._target_: found '${a}'"),
    ({"a": "${b}"}, "a reference leads nowhere"),
    ({"a": "${b}", "b": "${a}"}, "a reference leads nowhere"),
    # Paths and addresses.
    ({"name": "../x"}, "name: found '../x', which leads out of output_dir"),
    ({"output_dir": "/etc"}, "give it in the command: output_dir=/etc"),
    ({"output_dir": "a/../../b"}, "output_dir: found 'a/../../b'"),
    ({"output_dir": "~/x"}, "output_dir: found '~/x'"),
    ({"model": {**UNET, "init": "..\\secret"}}, "model.init: found"),
    ({"model": {**UNET, "pretrained": "/x/vgg.pth"}}, "give it in the command: model.pretrained=/x/vgg.pth"),
    ({"model": {**UNET, "encoder": "tu-hf-hub:somebody/net"}}, "model.encoder: found"),
    ({"callbacks": {"extra": [{"_target_": "lightning.pytorch.callbacks.ModelCheckpoint", "dirpath": "/etc"}]}},
     "'callbacks.extra=[{_target_:lightning.pytorch.callbacks.ModelCheckpoint,dirpath:/etc}]'"),
    ({"logger": {"x": {"_target_": "lightning.pytorch.loggers.CometLogger", "api_key": "x"}}}, "is of the package"),
    ({"logger": {"x": {"_target_": "lightning.pytorch.loggers.WandbLogger", "entity": "them"}}}, "is of the package"),
    ({"datamodule": {"_target_": "lightning.pytorch.demos.mnist_datamodule.MNISTDataModule", "data_dir": "d"}},
     "is of the package"),
    ({"logger": {"mlflow": {"_target_": "segexp.training.loggers.build.mlflow_logger", "tracking_uri": "http://x.org"}}},
     "logger.mlflow.tracking_uri: found 'http://x.org', an address"),
    ({"callbacks": {"extra": [{**CHECKPOINTS, "dirpath": "file:/tmp/x"}]}}, "dirpath: found 'file:/tmp/x', an address"),
    ({"callbacks": {"extra": [{**CHECKPOINTS, "dirpath": "filecache::file:///x"}]}}, "x', an address"),
    ({"callbacks": {"extra": [{**CHECKPOINTS, "_args_": ["other/run"]}]}}, "a text without the name of its key"),
    ({"model": {**UNET, "encoder": "tu-\nhf-hub:somebody/net"}}, "net', an address"),
    ({"model": {**UNET, "_file": "/x"}}, "model._file: found '/x', a path out of its folder"),
    # Parts of packages that read networks, or write where a key says.
    ({"loss": {"_target_": "torchmetrics.functional.image.lpips._LPIPS"}}, "torchmetrics.functional.image.lpips"),
    ({"metric": {"x": {"_target_": "torchmetrics.image.FrechetInceptionDistance"}}}, "is of the package"),
    ({"callbacks": {"extra": [{"_target_": "segexp.training.callbacks.pruning.Pruning"}]}}, "is of the package"),
    # Put together from pieces, it would be resolved where an object is built.
    ({"a": "$", "b": "{oc.env:HOME}", "name": "${a}${b}"}, "name: found '${oc.env:HOME}', a reference"),
    # What is no config.
    ({"hydra": None}, "hydra: a block of Hydra's own"),
    ({"defaults": []}, "defaults: a block of Hydra's own"),
    ({"a": b"x"}, "is no config: found a bytes"),
    ({("a", "b"): 1}, "is no config: a key is a tuple"),
    ({"a": list(range(100_001))}, "is no config: more than"),
]  # fmt: skip


@pytest.mark.parametrize(("config", "expected"), BAD)
def test_others_are_refused_in_one_line(config: dict[str, Any], expected: str) -> None:
    with pytest.raises(StoredError) as caught:
        check_stored(config, SOURCE)
    said = str(caught.value)
    assert said.startswith(f"{SOURCE}: ")
    assert expected in said
    assert "\n" not in said


def test_what_is_given_anew_is_not_looked_at() -> None:
    config = {"model": {**UNET, "pretrained": "/x"}, "loss": {"_target_": "os.system"}, "output_dir": "/etc"}
    check_stored(config, SOURCE, typed=["model.pretrained", "loss", "output_dir"])
    with pytest.raises(StoredError, match="loss"):
        check_stored(config, SOURCE, typed=["model.pretrained", "loss.weights", "los", "output_dir"])
    check_stored({"model": {**UNET, "pretrained": "/x"}}, SOURCE, agreed=["model.pretrained=/x"])
    with pytest.raises(StoredError, match="pretrained"):
        check_stored({"model": {**UNET, "pretrained": "/y"}}, SOURCE, agreed=["model.pretrained=/x"])


def test_lines_of_shell_of_a_sweep() -> None:
    sections: list[dict[str, Any]] = [
        {"slurm": {"setup": ["curl x | sh"]}}, {"slurm": {"options": {"wrap": "x"}}}, {"ray": {"address": "1.2.3.4:1"}},
        {"storage": "sqlite:////victim.db"}, {"study": "../victim"},
    ]  # fmt: skip
    for section in sections:
        check_stored({"sweep": section}, SOURCE)
        with pytest.raises(StoredError, match=r"config\.yaml: sweep\.") as caught:
            check_stored({"sweep": section}, SOURCE, sweeps=True)
        assert caught.value.word.startswith(f"{caught.value.key}=")
        check_stored({"sweep": section}, SOURCE, sweeps=True, agreed=again({"sweep": section}, SOURCE, sweeps=True))
    check_stored({"sweep": {"ray": {"address": "auto"}, "study": "tiny"}}, SOURCE, sweeps=True)


def test_the_words_that_take_a_config_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "again_nets.py").write_text("from torch import nn\nclass Net(nn.Module): pass\ndef make(): pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    config = {"model": {"_target_": "again_nets.Net", "file": "/x/a b.pt"}, "output_dir": "../elsewhere"}
    assert needed(config) == ["again_nets"]
    words = again(config, SOURCE)
    assert words == ["trust=[again_nets]", 'model.file="/x/a b.pt"', "output_dir=../elsewhere"]
    check_stored(config, SOURCE, ["again_nets"], typed=["model.file", "output_dir"])
    assert needed({"model": {"_target_": "again_nets.make"}}) == []


def test_only_what_is_built_needs_trust() -> None:
    config = {"loss": {"_target_": "package_of_elsewhere.Loss"}, "model": UNET}
    check_stored(config, SOURCE, built=["model"])
    with pytest.raises(StoredError, match="package_of_elsewhere"):
        check_stored(config, SOURCE)
    with pytest.raises(StoredError, match=r"loss\._target_: 'os\.system'"):
        check_stored({**config, "loss": {"_target_": "os.system"}}, SOURCE, built=["model"])


@pytest.mark.parametrize(
    "word",
    [
        "--config-dir", "--config-dir=x", "-m", "hydra.run.dir=x", "+hydra.job.env_set.A=b", "hydra/launcher=joblib",
        "~hydra.x", "++hydra={a:b}", "model@hydra.callbacks=cunet", "model=../../x", "model=/tmp/x", "+db/x=y",
        "model.base={_target_:os.system}", "+model.base._target_=os.system", "model._target_=os.system",
        "callbacks.extra=[{_target_: os.system}]", "optimizer.lr=${oc.env:X}", "name=../x", "name=a,../x",
        "metric=[hd95,../x]", "output_dir=/etc", "model.pretrained=/x", "sweep.storage=sqlite:////x",
        "model.base=a,{_target_:os.system}", "a b",
    ],
)  # fmt: skip
def test_stored_words(word: str) -> None:
    with pytest.raises(StoredError, match=r"config\.yaml"):
        check_overrides(["seed=1", word], SOURCE)


def test_honest_words_and_options() -> None:
    words = [
        "seed=1", "model=cunet", "model=cunet,unet", "metric=[hd95,asd]", "~logger", "+trainer.x=3", "name=a/b",
        "optimizer.lr=log(1e-4,1e-2)", "model.base=int_log(2,64)", "optimizer.lr=interval(0,1)", "model=glob(*)",
        "scheduler.target.max_lr=${optimizer.lr}", "datamodule.masks='gt/{stem}.png'", "datamodule.root=/data/x y",
        "callbacks.extra=[{_target_: lightning.pytorch.callbacks.Timer}]", "resume=/x/last.ckpt", "loss.terms.bce=null",
        "datamodule.mask_values={0: background, 255: vessel}", "model.depth=range(2,5)",
    ]  # fmt: skip
    check_overrides(words, SOURCE)
    check_choices({"model": "cunet", "metric": "[hd95,asd]", "experiment": "None"}, SOURCE)
    for choice in ("../x", "a/b", "/x", "a\\b", "pkg://x"):
        with pytest.raises(StoredError, match="expected the name of an option"):
            check_choices({"model": choice}, SOURCE)


def test_names_of_folders() -> None:
    for name in ("a", "a/b", "a.b", "...", "a..b", "2026", "é ü"):
        assert wrong_name(name) == "", name
    for name in (
        "../x",
        "/x",
        "a/../../b",
        "",
        " ",
        ".",
        "./",
        "..",
        "a/..",
        "~",
        "C:\\x",
        "C:x",
        "\\x",
        "..\\x",
        "a\0b",
    ):
        assert wrong_name(name) != "", name
    assert not leads_outside("a/b")
    assert leads_outside("\\\\server\\share")


def test_a_typed_name_that_leaves_output_dir() -> None:
    for word in ("name=../../x", "name=/x", "name='a/../../b'", "name=.", "name=''"):
        with pytest.raises(ConfigError, match=r"^name: found .*; for another place give output_dir=<folder>$"):
            composed(word)
    assert composed("name=a/b").name == "a/b"


def test_paths_of_measures_are_looked_at_where_they_are_built() -> None:
    measure = {"_target_": "torchmetrics.JaccardIndex", "weights": "/x/net.pth"}
    with pytest.raises(StoredError, match=r"metric\.a\.weights"):
        check_stored({"metric": {"a": measure}}, SOURCE, built=["model", "metric"])


@pytest.mark.parametrize("word", [" hydra.run.dir=/x", "'hydra'.run.dir=/x", "a b=1", "=1"])
def test_stored_words_have_a_plain_key(word: str) -> None:
    with pytest.raises(StoredError, match="is no override"):
        check_overrides([word], SOURCE)
