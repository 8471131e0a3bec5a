"""Everything that a finished run leaves, and whether it says the same everywhere."""

import re
from typing import Any

import pytest
import torch
import yaml

from segexp.config.experiment import Experiment
from segexp.config.signatures.measure_names import check_name
from segexp.errors import ConfigError
from segexp.invocation import Invocation
from segexp.report.pictures.layers import NAMES, read_layer
from segexp.system.allocator import tune_allocator
from segexp.tasks.log_names import headline
from tests.training.conftest import Finished
from tests.training.runs import composed, folders, go, read_json, run, same_weights, table

CLASSES = ["background", "building"]


def test_every_file_of_the_design_is_there(finished: Finished) -> None:
    assert finished.code == 0
    files = {str(path.relative_to(finished.path)) for path in finished.path.rglob("*") if path.is_file()}
    expected = {
        "config.yaml", "run.json", "metrics.csv", "results.json", "per_image.csv", "log.txt", "report.html",
        "curves.png", "confusion.png", "scores.png", "reliability.png", "checkpoints/best.ckpt",
        "checkpoints/last.ckpt", "split.json", "thresholds.csv", "steps.csv",
    }  # fmt: skip
    panels = {panel["file"] for panel in finished.content["panels"]}
    assert len(panels) == 4
    layers = {f"{panel['layers']}/{name}.png" for panel in finished.content["panels"] for name in NAMES}
    assert files - {"git.diff"} == expected | panels | layers


def test_config_is_the_resolved_one(finished: Finished) -> None:
    text = (finished.path / "config.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text) == finished.config | {"name": "synthetic_cunet_bce_jaccard"}
    assert "${" not in text


def test_config_is_input_again(finished: Finished) -> None:
    stored = yaml.safe_load((finished.path / "config.yaml").read_text(encoding="utf-8"))
    again = run(Experiment.from_plain(stored, Invocation()))
    assert same_weights(again.best, finished.best)
    assert again.content["rows"] == finished.content["rows"]


def test_run_json(finished: Finished) -> None:
    record = finished.record
    assert record["state"] == "finished"
    assert record["command"].startswith("python -m segexp train datamodule=synthetic ")
    assert "datamodule.scene=buildings" in record["overrides"]
    assert record["choices"]["model"] == "cunet"
    measures = "calibration,boundary_iou,cldice,hd95,asd,components,objects"
    assert record["choices"]["metric"] == f"[{measures}]"
    assert record["seed"] == 0
    assert record["epochs"] == 6
    assert record["seconds"] >= record["train_seconds"] > 0
    assert record["versions"]["torch"] == torch.__version__
    assert set(record["git"]) == {"commit", "repository", "dirty", "untracked"}
    in_force = tune_allocator(False)  # an earlier test of this process may have set it, for good
    assert record["speed"] == {"channels_last": False, "bfloat16": False, "compile": False, "allocator": in_force}
    weights = {name: value for name, value in finished.best["state_dict"].items() if name.endswith(("weight", "bias"))}
    parameters = sum(value.numel() for value in weights.values())
    assert record["model"] == {"name": "cunet", "parameters": parameters, "trainable": parameters}
    data = record["data"]
    assert data["classes"] == CLASSES
    assert [data[phase]["shape"] for phase in ("train", "val", "test")] == [
        [24, 3, 48, 48],
        [4, 3, 48, 48],
        [5, 3, 48, 48],
    ]
    assert data["test"]["names"] == [f"test_{number:03d}" for number in range(5)]
    assert data["loader"]["batch_size"] == 2


def test_metrics_have_a_row_per_epoch_and_every_valid_name(finished: Finished) -> None:
    from segexp.config.signatures.measure_names import valid_names

    rows = finished.rows
    assert [row["epoch"] for row in rows] == [str(number) for number in range(6)]
    terms = ("bce", "jaccard")
    names = set(valid_names("val", CLASSES, terms)) | {"train/loss", "train/loss/bce", "train/loss/jaccard"}
    assert set(rows[0]) == names | {"epoch", "lr", "seconds"}
    for row in rows:
        total = float(row["val/loss/bce"]) + float(row["val/loss/jaccard"])
        assert float(row["val/loss"]) == pytest.approx(total, rel=1e-5)
        mean = (float(row["val/iou/background"]) + float(row["val/iou/building"])) / 2
        assert float(row["val/miou"]) == pytest.approx(mean, rel=1e-5)


def test_the_run_learned_something(finished: Finished) -> None:
    rows = finished.rows
    assert float(rows[-1]["train/loss"]) < 0.85 * float(rows[0]["train/loss"])
    assert finished.content["rows"][0]["dataset"]["auc"] > 0.65


def test_results_name_the_best_row_of_the_metrics(finished: Finished) -> None:
    rows = finished.rows
    best = max(rows, key=lambda row: float(row["val/miou"]))
    checkpoint = finished.content["checkpoint"]
    assert checkpoint == {
        "path": "checkpoints/best.ckpt",
        "epoch": int(best["epoch"]),
        "monitor": "val/miou",
        "mode": "max",
        "epochs_counted_from": 0,
        "value": pytest.approx(float(best["val/miou"]), rel=1e-6),
    }
    assert finished.best["epoch"] == checkpoint["epoch"]
    assert finished.last["epoch"] == 5


def test_results_rows(finished: Finished) -> None:
    content = finished.content
    assert content == read_json(finished.path / "results.json")
    names = [row["name"] for row in content["rows"]]
    assert names == ["model", "model at 0.5", "all background", "Otsu"]
    constant = content["rows"][2]["dataset"]
    assert constant["recall"] == {"background": 1.0, "building": 0.0}
    assert constant["dice"]["building"] == 0.0
    for row in content["rows"]:
        assert set(row) == {"name", "note", "dataset", "image", "interval"}
        assert list(row["dataset"]["iou"]) == CLASSES
        assert row["dataset"]["classes_averaged"] == 2
        assert row["dataset"]["miou"] == pytest.approx(sum(row["dataset"]["iou"].values()) / 2)
        assert row["image"]["images_averaged"]["background"] == 5
    assert content["split"] == {"name": "test", "images": 5, "pixels": 5 * 48 * 48, "ignored_pixels": 0}
    confusion = torch.tensor(content["confusion"])
    assert int(confusion.sum()) == content["split"]["pixels"]
    right = float(confusion.diagonal().sum() / confusion.sum())
    assert content["rows"][0]["dataset"]["accuracy"] == pytest.approx(right)


def test_per_image_rows_average_to_the_results(finished: Finished) -> None:
    images = table(finished.path / "per_image.csv")
    assert len(images) == 4 * 5
    assert {row["image"] for row in images} == {f"test_{number:03d}" for number in range(5)}
    for row in finished.content["rows"]:
        values = [float(image["iou/background"]) for image in images if image["row"] == row["name"]]
        assert sum(values) / 5 == pytest.approx(row["image"]["iou"]["background"], abs=1e-5)


def test_per_image_has_every_figure(finished: Finished) -> None:
    images = table(finished.path / "per_image.csv")
    row = finished.content["rows"][0]
    own = [image for image in images if image["row"] == "model"]
    flat = {name: value for name, value in row["image"].items() if not isinstance(value, dict | int)}
    for name, value in row["image"].items():
        if isinstance(value, dict) and not name.endswith("_averaged"):
            flat |= {f"{part}/mean" if name == "mean" else f"{name}/{part}": one for part, one in value.items()}
    assert set(own[0]) == {"image", "row", *flat}
    assert {"auc", "ap", "kappa", "mcc/building", "hd95/building", "object_f1/mean", "ece/building"} <= set(own[0])
    for name, value in flat.items():
        known = [float(image[name]) for image in own if image[name]]
        if len(known) == len(own):
            assert sum(known) / len(known) == pytest.approx(value, abs=1e-5), name
    # A rule without probabilities has no area and no calibration.
    assert {image["auc"] + image["brier/building"] for image in images if image["row"] == "Otsu"} == {""}


def test_intervals_hold_the_figures_and_their_shape(finished: Finished) -> None:
    for row in finished.content["rows"]:
        interval = row["interval"]
        assert (interval["level"], interval["resamples"]) == (0.95, 1000)
        for block in ("dataset", "image"):
            pairs = leaves(interval[block])
            figures = {path: one for path, one in leaves(row[block]).items() if "averaged" not in path[0]}
            assert list(pairs) == list(figures)
            for path, value in figures.items():
                assert (pairs[path] is None) == (value is None)
                if value is not None and block == "image" and path[0] != "mean":
                    assert pairs[path][0] - 1e-9 <= value <= pairs[path][1] + 1e-9, path
    wide = finished.content["rows"][0]["interval"]["dataset"]["dice"]["building"]
    assert 0 < wide[1] - wide[0] < 0.5


def test_what_the_loggers_get_has_valid_names(finished: Finished) -> None:
    named = headline(finished.content)
    for name in named:
        check_name(name, CLASSES)
    row = finished.content["rows"][0]
    assert named["test/mean/mcc"] == row["dataset"]["mean"]["mcc"]
    assert named["test/image_hd95/building"] == row["image"]["hd95"]["building"]
    assert named["test/auc"] == row["dataset"]["auc"]
    assert "test/image_iou/building" not in named


def leaves(tree: dict[str, Any], path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for name, value in tree.items():
        found |= leaves(value, (*path, name)) if isinstance(value, dict) else {(*path, name): value}
    return found


def test_distances_of_a_total_miss_are_the_diagonal(finished: Finished) -> None:
    background = finished.content["rows"][2]["image"]
    assert background["hd95"]["building"] == pytest.approx(48 * 2**0.5)
    assert background["asd"]["building"] == pytest.approx(48 * 2**0.5)
    assert "hd95" not in finished.content["rows"][2]["dataset"]
    assert finished.content["units"] == {"hd95": "px", "asd": "px", "components_error": "components"}


def test_reliability_adds_up(finished: Finished) -> None:
    (points,) = finished.content["reliability"].values()
    assert sum(points["pixels"]) == finished.content["split"]["pixels"]
    off = [
        pixels * abs(share - probability)
        for pixels, share, probability in zip(points["pixels"], points["share"], points["probability"], strict=True)
        if pixels
    ]
    ece = finished.content["rows"][0]["dataset"]["ece"]["building"]
    assert sum(off) / sum(points["pixels"]) == pytest.approx(ece)


def test_panels_go_from_worst_to_best(finished: Finished) -> None:
    panels = finished.content["panels"]
    assert [panel["rank"] for panel in panels] == ["worst", "worst", "middle", "best"]
    assert len({panel["image"] for panel in panels}) == 4
    dice = [panel["figures"]["Dice building"] for panel in panels]
    assert dice == sorted(dice)
    images = table(finished.path / "per_image.csv")
    stored = {row["image"]: row["dice/building"] for row in images if row["row"] == "model"}
    for panel in panels:
        assert panel["figures"]["Dice building"] == pytest.approx(float(stored[panel["image"]]), abs=1e-4)
        head = (finished.path / panel["file"]).read_bytes()[:8]
        assert head == b"\x89PNG\r\n\x1a\n"


def test_layers_of_the_panels_hold_what_was_measured(finished: Finished) -> None:
    assert finished.content["task"]["colours"] == [[0, 0, 0], [250, 190, 40]]
    for panel in finished.content["panels"]:
        image, truth, prediction, probability = (
            read_layer(finished.path / panel["layers"] / f"{name}.png") for name in NAMES
        )
        assert image.shape == (*panel["size"], 3) == (48, 48, 3)
        both = ((truth == 1) & (prediction == 1)).sum()
        dice = 2 * both / ((truth == 1).sum() + (prediction == 1).sum())
        assert panel["figures"]["Dice building"] == pytest.approx(dice, abs=1e-4)
        # To the rounding of 8 bits the threshold divides the probabilities.
        threshold = finished.content["threshold"]["value"] * 255
        assert probability[prediction == 1].min() >= threshold - 0.5
        assert probability[prediction == 0].max() <= threshold + 0.5


def test_thresholds_hold_the_figures_of_the_chosen_one(finished: Finished) -> None:
    lines = [
        {name: float(cell or "nan") for name, cell in line.items()} for line in table(finished.path / "thresholds.csv")
    ]
    assert [line["threshold"] for line in lines] == sorted((line["threshold"] for line in lines), reverse=True)
    assert (lines[-1]["recall"], lines[-1]["false_positive_rate"]) == (1, 1)
    row, threshold = finished.content["rows"][0]["dataset"], finished.content["threshold"]["value"]
    near = min(lines, key=lambda line: abs(line["threshold"] - threshold))
    for name in ("dice", "iou", "precision", "recall"):
        assert near[name] == pytest.approx(row[name]["building"], abs=0.01), name
        assert all(0 <= line[name] <= 1 for line in lines)
    speed = finished.record["test"]
    assert speed["images_per_second"] == pytest.approx(5 / speed["test_seconds"], rel=0.05)


def test_each_epoch_line_stands_once_in_log_and_terminal(finished: Finished) -> None:
    log = (finished.path / "log.txt").read_text(encoding="utf-8")
    for number in range(1, 7):
        line = re.compile(rf"epoch {number}/6  train/loss \d")
        assert len(line.findall(log)) == 1
        assert len(line.findall(finished.out)) == 1
    assert "Traceback" not in log


def test_the_last_line_marked_best_is_the_best_epoch(finished: Finished) -> None:
    marked = re.findall(r"epoch (\d)/6 .*  best$", finished.out, flags=re.MULTILINE)
    assert int(marked[-1]) - 1 == finished.content["checkpoint"]["epoch"]


def test_report_shows_the_figures(finished: Finished) -> None:
    html = (finished.path / "report.html").read_text(encoding="utf-8")
    assert f"{finished.content['rows'][0]['dataset']['miou']:.4f}" in html
    assert "Otsu" in html
    assert "val/miou" in html


def test_three_classes() -> None:
    done = run(composed("datamodule.scene=cells", "datamodule.size=48", "loss=ce", "panels=2"), pictures=True)
    assert done.content["threshold"] is None
    names = [row["name"] for row in done.content["rows"]]
    assert names[0] == "model"
    assert "model at 0.5" not in names
    assert len(done.content["rows"][0]["dataset"]["iou"]) == 3
    areas = done.content["rows"][0]["dataset"]["auc"]
    assert len(areas) == 3
    assert done.content["rows"][0]["dataset"]["mean"]["auc"] == pytest.approx(sum(areas.values()) / 3)
    assert len(done.content["reliability"]) == 3
    assert (done.path / "reliability.png").is_file()
    assert len(list((done.path / "class_maps").glob("*.png"))) == 2
    assert not (done.path / "scores.png").exists()
    assert "val/auc" not in done.rows[0]


def test_figures_do_not_depend_on_the_batch_of_the_test() -> None:
    """The last digit of a logit may: convolutions add up in another order."""
    one, three = (go(f"datamodule.loader.eval_batch_size={size}", "trainer.max_epochs=1") for size in (1, 3))
    for first, second in zip(one.content["rows"], three.content["rows"], strict=True):
        found = leaves({block: second[block] for block in ("dataset", "image", "interval")})
        for path, value in leaves({block: first[block] for block in ("dataset", "image", "interval")}).items():
            assert found[path] == pytest.approx(value, rel=1e-5, abs=1e-7), path


def test_one_image_has_no_intervals_and_says_so() -> None:
    done = go("datamodule.test_images=1", "trainer.max_epochs=1", "metric=none")
    assert {row["interval"] for row in done.content["rows"]} == {None}
    assert "no confidence intervals: there is one test image" in done.content["notes"]


def test_measures_and_intervals_can_be_switched_off() -> None:
    done = go("metric=[hd95]", "metric.hd95.percentile=100", "bootstrap=0", "trainer.max_epochs=1")
    row = done.content["rows"][0]
    assert set(row["image"]) - set(row["dataset"]) == {"hd100", "images_averaged"}
    assert row["interval"] is None
    assert done.content["reliability"] is None
    assert "ece" not in row["dataset"]
    assert not [note for note in done.content["notes"] if "interval" in note]


def test_two_measures_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"^metric.again: gives asd, as metric.asd does"):
        go("+metric.again._target_=segexp.metrics.distances.SurfaceDistance")
    assert not folders()
