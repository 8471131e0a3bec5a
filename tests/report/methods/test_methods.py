"""methods.md and references.bib: what was done, of runs of every kind and state, and by whom it is cited."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from segexp.cli.app import run
from segexp.errors import DataError
from segexp.report.comparison_page.compare import compare
from segexp.report.comparison_page.search import Search
from segexp.report.methods.of_comparison import write_comparison_methods
from segexp.report.methods.paragraph import write_run_methods
from tests.report.comparison_page.made import make_run
from tests.report.made_up import write_json
from tests.report.methods.bibtex import parse_bibtex
from tests.report.test_hostile import BROKEN

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "v0_1"
IMAGES = {"a": 0.5, "b": 0.75}
CONFIG = {
    "datamodule": {"_target_": "segexp.data.datasets.drive.DriveDataModule", "split": "holdout", "val_fraction": 0.15,
                   "test_fraction": 0.2, "crop_size": 64, "sampling": "random", "positive_fraction": 0.5,
                   "normalize": "image", "split_by": "{patient}", "loader": {"batch_size": 8}},
    "model": {"_target_": "segexp.models.unet.UNet", "base": 8, "norm": "none"},
    "loss": {"_target_": "segexp.losses.weighted_sum.WeightedSum", "weights": {"bce": 1.0, "dice": 0.5},
             "terms": {"bce": {"_target_": "segexp.losses.bce.BCE"}, "dice": {"_target_": "segexp.losses.dice.Dice"}}},
    "optimizer": {"_target_": "torch.optim.AdamW", "lr": 0.005, "weight_decay": 0.0},
    "scheduler": {"_target_": "torch.optim.lr_scheduler.OneCycleLR", "max_lr": 0.005, "interval": "step"},
    "augment": {"_target_": "segexp.data.sampling.augment.Augment", "rotate": 30.0, "scale": 0.0,
                "transforms": [{"_target_": "albumentations.D4", "p": 1.0}]},
    "trainer": {"max_epochs": 40, "gradient_clip_val": 1.0},
    "metric": {"hd95": {"_target_": "segexp.metrics.distances.HausdorffDistance"}},
}  # fmt: skip
DATA = {
    "name": "drive", "split": {"rule": "holdout", "seed": 3}, "loader": {"batch_size": 8}, "skipped": ["x.tif"],
    "train": {"images": 14, "samples": 1400}, "val": {"images": 2}, "test": {"images": 4},
}  # fmt: skip
CHOSEN = {"optimizer": "adamw", "scheduler": "onecycle", "loss": "bce_dice", "experiment": "None"}


def read(folder: Path) -> tuple[str, dict[str, dict[str, str]]]:
    """Text and bibliography; what the one cites the other has, and nothing else."""
    text = (folder / "methods.md").read_text(encoding="utf-8")
    entries = parse_bibtex((folder / "references.bib").read_text(encoding="utf-8"))
    assert {key for found in re.findall(r"\[(@[^\]]+)\]", text) for key in re.findall(r"@([\w]+)", found)} == {*entries}
    return text, entries


def test_a_run_is_described_from_data_to_versions(tmp_path: Path) -> None:
    interval = {"level": 0.95, "resamples": 1000, "dataset": {"miou": [0.5, 0.55]}, "image": {}}
    rows = [
        {"name": "model", "dataset": {"miou": 0.525, "hd95": {"vessel": 3.0}}, "image": {}, "interval": interval},
        {"name": "Otsu", "dataset": {}, "image": {}},
    ]
    made = {"rows": rows, "averaging": {"dataset": "pixels pooled"}, "split": {"images": 4}}
    folder = make_run(
        tmp_path / "run", IMAGES, config=CONFIG, choices=CHOSEN, data=DATA, results=made, epochs=12, ranks=2,
        versions={"segexp": "0.1.0", "torch": "2.13.0", "lightning": "2.6.6", "python": "3.11.7"},
        git={"commit": "0123456789abcdef", "dirty": True}, speed={"precision": "bfloat16"},
    )  # fmt: skip
    record = json.loads((folder / "run.json").read_text())
    write_json(folder / "run.json", record | {"model": {"name": "cunet", "parameters": 29465, "trainable": 400}})
    assert [path.name for path in write_run_methods(folder)] == ["methods.md", "references.bib"]
    text, entries = read(folder)
    for sentence in (
        "The data are DRIVE: vessels of the retina, 40 photographs of 565x584 pixels [@staal2004drive].",
        "There are 14 training, 2 validation and 4 test images.",
        "The classes are background and vessel.",
        "The split is random, drawn with seed 3: 20 % of the images are tested; 15 % of the images that are not tested",
        "No `{patient}` is in two parts of the split.",
        "1 files were left out.",
        "crops of 64 x 64 pixels at random places, other ones in each epoch, 1,400 an epoch; at least 50 % of them",
        "Pixel values of each image are scaled to mean 0",
        "changed at random by rotation by up to 30° and `D4` (p 1) [@buslaev2020].",
        "The model is `cunet`, of the class `UNet` [@ronneberger2015], with 29,465 parameters, 400 of them trained.",
        "The loss is the sum of `BCE` times 1 and `Dice` times 0.5 [@milletari2016].",
        "The optimizer is `AdamW` [@loshchilov2019] (lr 0.005, weight_decay 0).",
        "The learning rate follows `OneCycleLR` [@smith2018] after every step.",
        "at most 40 epochs, ended after 12 epochs, batches of 8 samples, in each of 2 processes, precision bfloat16",
        "Gradients are clipped at 1.",
        "The seed is 0.",
        "A pixel is foreground from the probability 0.400 on: highest Dice of vessel, chosen on the validation images.",
        "The measures are HD95 [@huttenlocher1993].",
        "Measures over the data set: pixels pooled.",
        "95 % intervals are of the bootstrap [@efron1979]: the 4 test images drawn again with replacement 1,000 times",
        "Trivial predictors beside the model: Otsu [@otsu1979].",
        "Mean IoU 0.525 (95 % interval 0.500 to 0.550)",
        "segexp 0.1.0 [@segexp], PyTorch 2.13.0 [@paszke2019], PyTorch Lightning 2.6.6 [@falcon2019] and Python 3.11.7",
        "commit `0123456789ab` with changes that `git.diff` of the run holds.",
    ):
        assert sentence in text
    assert entries["ronneberger2015"]["year"] == "2015"


def described(folder: Path, config: dict[str, object] = CONFIG, **made: object) -> str:
    """The text of a run with a config."""
    make_run(folder, IMAGES, config=config, results=made)
    write_run_methods(folder)
    return read(folder)[0]


def test_many_measures_are_a_table_and_the_first_stands_in_the_sentence(tmp_path: Path) -> None:
    figures = {"miou": 0.525, "iou": {"background": 0.9, "vessel": 0.6}, "accuracy": 0.9, "hd95": {"vessel": 3.0}}
    ends = {"dataset": {"miou": [0.5, 0.55]}}
    row = {"name": "model", "dataset": figures, "image": {}, "interval": {"level": 0.95, "resamples": 9, **ends}}
    text = described(tmp_path / "run", rows=[row], units={"hd95": "px"}, labels={"accuracy": "share | <b> right"})
    assert "The main measure is mean IoU; the table below has all 4 [" in text
    assert "A measure of one class is in it that of vessel." in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert lines[0] == "| measure | test images | interval | better | what it is |"
    assert lines[2].startswith("| mean IoU | 0.525 | 0.500 to 0.550 | higher | mean over the classes of overlap")
    assert any(line.startswith("| IoU | 0.600 | - | higher |") for line in lines)
    assert any(line.startswith("| HD95 (px) | 3.00 | - | lower |") for line in lines)
    assert r"| share \| &lt;b&gt; right | 0.900 |" in text
    assert len(lines) == 6
    if shutil.which("pandoc") is not None:
        line = ["pandoc", "--to", "html", str(tmp_path / "run" / "methods.md")]
        page = subprocess.run(line, capture_output=True, text=True, check=True).stdout
        assert page.count("<tr") == 5
        assert "share | &lt;b&gt; right</td>" in page


def test_a_person_is_no_trivial_predictor(tmp_path: Path) -> None:
    rows = [{"name": name, "note": note, "dataset": {}, "image": {}} for name, note in (
        ("model", ""), ("model at 0.5", ""), ("all background", "most frequent class"), ("Otsu", "per image"),
        ("second observer", "a person"), ("a rule of mine", ""),
    )]  # fmt: skip
    text = described(tmp_path / "run", rows=rows)
    assert "Trivial predictors beside the model: all background and Otsu [@otsu1979]." in text
    assert "Masks by other people of the test images were judged by the same measures: second observer." in text
    assert "Judged beside the model too: a rule of mine." in text
    people = described(tmp_path / "people", rows=[rows[0], rows[4]])
    assert "Trivial" not in people
    assert "Judged beside" not in people


def test_a_setting_of_0_is_said_and_what_0_switches_off_is_not(tmp_path: Path) -> None:
    config = {
        **CONFIG,
        "loss": {"_target_": "segexp.losses.dice.Dice", "smooth": 0.0, "square": False, "weights": None},
        "optimizer": {"_target_": "torch.optim.SGD", "lr": 0.1, "momentum": 0, "nesterov": False},
        "scheduler": {"_target_": "torch.optim.lr_scheduler.CosineAnnealingLR", "eta_min": 0.0, "T_max": 4},
        "augment": {"_target_": "segexp.data.sampling.augment.Augment", "rotate": 0.0, "scale": 0, "transforms": []},
        "trainer": {"max_epochs": 40, "gradient_clip_val": 0.0},
    }
    config["datamodule"] = {**CONFIG["datamodule"], "positive_fraction": 0.0, "val_fraction": 0.0}
    text = described(tmp_path / "run", config)
    for words in ("`SGD` (lr 0.1, momentum 0).", "`CosineAnnealingLR` (eta_min 0).", "(smooth 0)."):
        assert words in text
    assert "Training samples are not changed at random." in text
    for words in ("clipped", "hold foreground", "validate"):
        assert words not in text


def test_terms_of_a_sum_and_callbacks_are_said_with_their_settings(tmp_path: Path) -> None:
    loss = {
        "_target_": "segexp.losses.weighted_sum.WeightedSum",
        "weights": {"bce": 1.0, "focal": {"start": 0.01, "end": 0.5, "from_epoch": 0}, "dice": 0.0},
        "terms": {
            "bce": {"_target_": "segexp.losses.bce.BCE", "pos_weight": 3.0, "smooth": None},
            "focal": {"_target_": "segexp.losses.focal.Focal", "gamma": 2.0, "alpha": 0.0},
            "dice": {"_target_": "segexp.losses.dice.Dice"},
        },
    }
    callbacks = {
        "stop": {"_target_": "lightning.pytorch.callbacks.EarlyStopping", "monitor": "val/miou", "min_delta": 0.0},
        "bar": {"_target_": "a.Bar", "colours": {"_target_": "a.Colours", "bar": "red"}},
    }
    text = described(tmp_path / "run", {**CONFIG, "loss": loss, "callbacks": callbacks})
    assert "Callbacks: `Bar` (colours.bar red) and `EarlyStopping` (min_delta 0, monitor val/miou)." in text
    assert (
        "sum of `BCE` times 1 (pos_weight 3), `Dice` times 0 and `Focal` with a weight that changes "
        "(end 0.5, from_epoch 0, start 0.01) (alpha 0, gamma 2)"
    ) in text


@pytest.mark.parametrize("name", ["finished", "interrupted", "own"])
def test_runs_of_version_0_1_are_described(tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(FIXTURES / name, tmp_path / "run")
    write_run_methods(folder)
    text, _ = read(folder)
    assert "parameters" in text
    assert ("has no test measures" in text) == (name == "interrupted")


def test_what_a_plain_lightning_module_does_is_left_to_its_author(tmp_path: Path) -> None:
    write_json(
        tmp_path / "run.json", {"state": "finished", "model": {"name": "LitMNIST"}, "data": {"name": "MNIST_DM"}}
    )
    write_json(
        tmp_path / "results.json", {"kind": "logged", "checkpoint": {"monitor": "val_loss", "mode": "min"}, "rows": []}
    )
    (tmp_path / "config.yaml").write_text("task: {_target_: my.LitMNIST}\ndatamodule: {_target_: my.MNIST_DM}\n")
    write_run_methods(tmp_path)
    text, entries = read(tmp_path)
    assert "The data are `MNIST_DM` [name the data set and its source]." in text
    assert "[Say what is minimised, and by which optimizer" in text
    assert "lowest `val_loss`" in text
    assert "chose nothing" not in text
    assert entries == {}


def test_odd_names_are_text_and_files_that_anybody_wrote_are_data(tmp_path: Path) -> None:
    odd = "x](http://a.b) | <b>@me</b>\n# new *head*"
    config = {
        "datamodule": {"root": f"/home/{odd}", "split_file": odd},
        "model": odd,
        "loss": [odd],
        "augment": {"transforms": odd},
    }
    folder = make_run(tmp_path / "run", IMAGES, config=config, model=odd, data={"name": odd, "train": {"images": 3}})
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    write_run_methods(folder)
    text, _ = read(folder)
    outside = re.sub(r"``.*?``|`[^`]*`", "", text)
    assert "<b>" not in outside
    assert not re.search(r"(?<!\\)\]\(|https?:", outside)
    assert len([line for line in text.splitlines() if line.startswith("#")]) == 1
    for broken in ("{", "a: &a [*a]", "[]", ""):
        (folder / "config.yaml").write_text(broken)
        write_run_methods(folder)
        assert "[The config of the run is not there" in read(folder)[0]


def test_of_several_runs_the_common_is_said_once_and_the_rest_by_configuration(tmp_path: Path) -> None:
    for name, kind in (("cunet", "unet.UNet"), ("segnet", "segnet.SegNet")):
        for seed in (0, 1):
            config = {**CONFIG, "model": {"_target_": f"segexp.models.{kind}"}}
            overrides = [f"model={name}", f"seed={seed}"]
            make_run(
                tmp_path / f"{name}_{seed}", IMAGES, model=name, seed=seed, config=config, choices=CHOSEN, data=DATA,
                overrides=overrides,
            )  # fmt: skip
    files = compare([tmp_path], "dice/vessel").write(tmp_path / "out", ("csv", "methods"))
    assert [path.name for path in files] == ["summary.csv", "methods.md", "references.bib"]
    text, entries = read(tmp_path / "out")
    assert text.count("The data are DRIVE") == 1
    assert text.count("The optimizer is") == 1
    assert "- cunet: The model is `cunet`, of the class `UNet` [@ronneberger2015], with 1,000 parameters." in text
    assert "- segnet: The model is `segnet`, of the class `SegNet` [@badrinarayanan2017; @simonyan2015]" in text
    assert "Every configuration was trained with the seeds 0 and 1. Measures are means over the seeds" in text
    assert "corrected for their number after Holm" in text
    assert {"badrinarayanan2017", "ronneberger2015", "staal2004drive"} <= entries.keys()


def test_repeats_that_ended_in_other_ways_are_told_apart(tmp_path: Path) -> None:
    for name, seed, epochs, device in (
        ("cunet", 0, 12, "cpu"), ("cunet", 1, 15, "cuda"), ("cunet", 2, 12, "cpu"), ("segnet", 0, 12, "cpu"),
        ("segnet", 1, 12, "cpu"),
    ):  # fmt: skip
        config = {**CONFIG, "model": {"_target_": f"segexp.models.{name}"}}
        make_run(
            tmp_path / f"{name}_{seed}", IMAGES, model=name, seed=seed, config=config, epochs=epochs, device=device
        )
    compare([tmp_path]).write(tmp_path / "out", ("methods",))
    training = read(tmp_path / "out")[0].partition("**Training.**")[2].partition("**Selection.**")[0]
    lines = [line for line in training.splitlines() if line.startswith("- ")]
    assert [line.partition(": ")[0] for line in lines] == ["- cunet (seed 0 and seed 2) and segnet", "- cunet (seed 1)"]
    assert "ended after 12 epochs, batches of 8 samples, on cpu." in lines[0]
    assert "ended after 15 epochs, batches of 8 samples, on cuda." in lines[1]


def test_folds_and_runs_of_one_seed_are_told_apart(tmp_path: Path) -> None:
    for fold in (0, 1):
        data = {**DATA, "split": {"rule": "kfold", "seed": 0, "folds": 2, "fold": fold}}
        config = {**CONFIG, "datamodule": {"split": "kfold", "folds": 2, "fold": fold}}
        made = {"config": config, "data": data, "epochs": 12 + fold}
        make_run(tmp_path / "folds" / str(fold), {f"{fold}a": 0.5, f"{fold}b": 0.7}, **made)
    compare([tmp_path / "folds"]).write(tmp_path / "out", ("methods",))
    text, _ = read(tmp_path / "out")
    assert re.findall(r"^- ([^:]*): .*ended after (\d+)", text, re.MULTILINE) == [
        ("cunet (seed 0, fold 0)", "12"), ("cunet (seed 0, fold 1)", "13"),
    ]  # fmt: skip


def test_a_search_is_told_by_what_it_was_judged(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", IMAGES, config=CONFIG)
    found = compare([folder])
    search = Search("x", (), "val/miou", "max")
    write_comparison_methods(tmp_path, "t", found.groups, [search])
    text, entries = read(tmp_path)
    assert "searched with Optuna [@akiba2019] in 0 trials, judged by `val/miou` on the validation images." in text
    assert entries["akiba2019"]["year"] == "2019"


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_damaged_files_are_a_line(content: str, tmp_path: Path) -> None:
    for name in ("results.json", "run.json"):
        folder = make_run(tmp_path / name, IMAGES)
        (folder / name).write_text(content)
        try:
            write_run_methods(folder)
        except DataError as error:
            assert "\n" not in str(error)


def test_folds_are_told_together(tmp_path: Path) -> None:
    for fold in (0, 1):
        data = {**DATA, "split": {"rule": "kfold", "seed": 0, "folds": 2, "fold": fold}, "test": {"images": 4 + fold}}
        config = {**CONFIG, "datamodule": {"split": "kfold", "folds": 2, "fold": fold, "val_fraction": 0.1}}
        data["val"] = {"images": 2 - fold}
        make_run(tmp_path / str(fold), {f"{fold}a": 0.5, f"{fold}b": 0.7}, config=config, data=data)
    compare([tmp_path]).write(tmp_path / "out", ("methods",))
    text, _ = read(tmp_path / "out")
    assert "There are 20 images. " in text
    assert "Cross-validation: each of 2 folds is once tested, drawn with seed 0; 10 % of the images" in text
    assert "By configuration" not in text


def test_the_command_writes_them_and_refuses_what_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_run(tmp_path / "run", IMAGES)
    before = (folder / "report.html").read_text()
    assert run(["report", str(folder), "write=[methods]"]) == 0
    assert capsys.readouterr().out.split() == [str(folder / "methods.md"), str(folder / "references.bib")]
    assert (folder / "report.html").read_text() == before
    assert run(["report", str(folder), "write=[]"]) == 2
    assert "write: found [], and charts: []" in capsys.readouterr().err
    assert run(["report", str(folder), "write=[methods]", "open=true"]) == 2
    assert "makes no page" in capsys.readouterr().err


def test_the_page_is_shown_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    folder = make_run(tmp_path / "a run", IMAGES)
    assert run(["report", str(folder), "open=true"]) == 0
    assert run(["compare", str(folder), f"out={tmp_path / 'together'}", "open=true", "resamples=10"]) == 0
    assert shown == [(folder / "report.html").as_uri(), (tmp_path / "together" / "summary.html").as_uri()]
    assert run(["compare", str(folder), f"out={tmp_path / 'other'}", "open=true", "write=[csv]"]) == 2
    assert "makes no page" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("pdflatex") and shutil.which("bibtex")), reason="no TeX here")
def test_latex_and_bibtex_take_every_entry(tmp_path: Path) -> None:
    from segexp.data.sources.data_source import read_sources
    from segexp.report.methods.bibliography import read_bibliography

    texts = [entry.text for entry in read_bibliography().values()]
    (tmp_path / "references.bib").write_text("\n".join([*texts, *(s.bibtex for s in read_sources().values())]))
    (tmp_path / "a.tex").write_text(
        r"\documentclass{article}\begin{document}\nocite{*}\cite{he2016}\bibliographystyle{plain}\bibliography{references}\end{document}"
    )
    for words in (["pdflatex", "-halt-on-error", "a"], ["bibtex", "a"], ["pdflatex", "-halt-on-error", "a"]):
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        assert "Warning--" not in done.stdout
    assert json.dumps((tmp_path / "a.bbl").read_text()).count(r"\\bibitem") == len(texts) + len(read_sources())


def test_lists_that_a_data_set_brings_are_told_from_a_file(tmp_path: Path) -> None:
    said = {}
    for parts in (None, ["train", "val"], ["train", "val", "test"]):
        given = "voc/ImageSets/Segmentation" if parts else "runs/1/split.json"
        split = {"lists": given, "parts": parts} if parts else {"file": given}
        config = {**CONFIG, "datamodule": {"split_file": given, "val_fraction": 0.15}}
        folder = make_run(tmp_path / f"run{len(parts or ())}", IMAGES, config=config, data={**DATA, "split": split})
        write_run_methods(folder)
        said[len(parts or ())] = read(folder)[0]
    assert "The split is that of the file `split.json`." in said[0]
    assert (
        "of the lists in the folder `Segmentation`; 15 % of those for training, drawn at random, validate." in said[2]
    )
    assert "The split is that of the lists in the folder `Segmentation`." in said[3]
