"""The layers of a report show truth, prediction and errors at the right pixels in the right colours."""

import base64
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from segexp.errors import DataError
from segexp.report.pictures.layers import confidence_map, read_layer, save_layers
from segexp.report.pictures.overlays import fill_classes, outline_classes, overlay_errors
from segexp.report.pictures.pixels import FALSE_NEGATIVE, FALSE_POSITIVE, errors_to_rgb
from segexp.report.pictures.png import COMPACT, encode_photo, encode_png
from segexp.report.run_page.page import write_report
from segexp.report.run_page.specimens import specimens, swatches
from segexp.runs.contents import read_run
from segexp.spec import DataSpec
from tests.report.made_up import PARTS, VESSELS, results, run, write_json
from tests.report.page import Page

TRUTH = np.array([[0, 1, 1], [0, 1, 255]], np.uint8)
PREDICTION = np.array([[0, 1, 0], [1, 1, 255]], np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    content = results()
    content["task"]["colours"] = [list(colour) for colour in VESSELS.colours]
    content["panels"] = []
    for rank in ("worst", "best"):
        place = f"panels/layers/{rank}"
        layers = {
            "image": np.full((2, 3, 3), (200, 10, 30), np.uint8), "truth": TRUTH, "prediction": PREDICTION,
            "probability": np.array([[0, 255, 100], [200, 250, 0]], np.uint8),
        }  # fmt: skip
        save_layers(tmp_path / place, layers)
        entry: dict[str, Any] = {
            "file": f"panels/{rank}.png", "layers": place, "image": f"{rank} <eye>", "size": [4, 6], "rank": rank,
            "figures": {"Dice vessel": 0.5},
        }  # fmt: skip
        content["panels"].append(entry)
    write_json(tmp_path / "results.json", content)
    write_json(tmp_path / "run.json", run())
    return tmp_path


def pixels(source: str) -> np.ndarray:
    bands = cv2.imdecode(np.frombuffer(base64.b64decode(source.split(",")[1]), np.uint8), cv2.IMREAD_UNCHANGED)
    assert bands is not None
    return np.asarray(cv2.cvtColor(bands, cv2.COLOR_BGRA2RGBA if bands.shape[2] == 4 else cv2.COLOR_BGR2RGB))


def test_layers_come_back_as_they_were_written(folder: Path) -> None:
    place = folder / "panels" / "layers" / "best"
    assert (read_layer(place / "truth.png") == TRUTH).all()
    assert (read_layer(place / "image.png") == (200, 10, 30)).all()
    (place / "truth.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="no PNG of 8 bits"):
        read_layer(place / "truth.png")


def test_certainty_is_the_foreground_or_the_most_probable_class() -> None:
    one = np.array([[[0.0, 0.5, 1.0]]], np.float32)
    assert confidence_map(one).tolist() == [[0, 128, 255]]
    three = np.array([[[0.2]], [[0.7]], [[0.1]]], np.float32)
    assert confidence_map(three).tolist() == [[178]]


def test_errors_of_two_classes() -> None:
    painted = overlay_errors(TRUTH, PREDICTION, VESSELS)
    assert tuple(painted[0, 2]) == (*FALSE_NEGATIVE, 255)
    assert tuple(painted[1, 0]) == (*FALSE_POSITIVE, 255)
    assert painted[0, 0, 3] == 0
    assert 0 < painted[0, 1, 3] < 255
    assert 0 < painted[1, 2, 3] < 255
    # On the black of a pane what was found and what is not counted are told apart.
    found, ignored = (int(colour) * int(alpha) / 255 for colour, alpha in (painted[0, 1, 2:], painted[1, 2, 2:]))
    assert found > 2 * ignored


def test_errors_of_more_classes_have_the_colour_of_the_truth() -> None:
    truth, prediction = np.array([[2, 1, 0]], np.uint8), np.array([[1, 1, 2]], np.uint8)
    painted = overlay_errors(truth, prediction, PARTS)
    assert painted[0, 2].tolist() == [255, 255, 255, 255]  # the background is black
    assert painted[0, 0, 3] == 255
    assert painted[0, 0].argmax() == 2  # blue, as its class
    assert painted[0, 1, 3] < 255


def test_dark_classes_and_ignored_pixels_are_not_painted() -> None:
    painted = fill_classes(TRUTH, VESSELS.colours)
    assert (painted[..., 3] == np.where(TRUTH == 1, 255, 0)).all()
    assert tuple(painted[0, 1, :3]) == VESSELS.colours[1]


def test_outlines_follow_the_border_and_those_of_predictions_have_gaps() -> None:
    square = np.zeros((600, 600), np.uint8)
    square[100:300, 100:300] = 1
    line, dashed = (
        outline_classes(square, VESSELS.colours)[..., 3] > 0,
        outline_classes(square, VESSELS.colours, dash=4)[..., 3] > 0,
    )
    assert line.sum() == 4 * 199
    assert line[100, 100:300].all()
    assert not line[101:299, 101:299].any()
    assert 0.4 < dashed.sum() / line.sum() < 0.6
    assert outline_classes(square[:100, :100], VESSELS.colours).shape == (600, 600, 4)


def test_heavy_photos_become_jpeg_and_others_stay() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (400, 400, 3)).astype(np.uint8)
    content, kind = encode_photo(encode_png(noise, COMPACT))
    assert kind == "image/jpeg"
    assert len(content) < len(encode_png(noise, COMPACT))
    small = encode_png(noise[:10], COMPACT)
    assert encode_photo(small) == (small, "image/png")


def test_specimens_hold_what_results_say(folder: Path) -> None:
    (first, second), left_out = specimens(read_run(folder))
    assert left_out == []
    assert (first.rank, second.rank) == ("worst", "best")
    assert (first.width, first.height, first.size) == (3, 2, "6 × 4 pixels, shown at 50 %")
    assert first.figures == [("Dice vessel", "0.500")]
    layers = {layer.key: pixels(layer.source) for layer in first.layers}
    assert (layers["image"] == (200, 10, 30)).all()
    assert (layers["truth"] == fill_classes(TRUTH, VESSELS.colours)).all()
    assert (layers["prediction"] == fill_classes(PREDICTION, VESSELS.colours)).all()
    assert (layers["errors"] == overlay_errors(TRUTH, PREDICTION, VESSELS)).all()
    assert layers["probability"].shape == (2, 3, 3)


BROKEN = {
    "other size": ({"truth": TRUTH[:1]}, "the layers differ in size"),
    "no class": ({"prediction": np.where(PREDICTION == 1, 7, PREDICTION).astype(np.uint8)},
                 "prediction.png holds the value 7, which is none of 2 classes"),
    "in colours": ({"truth": np.zeros((2, 3, 3), np.uint8)}, "the layers differ in size"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_a_picture_that_cannot_be_shown_does_not_cost_the_page(folder: Path, kind: str) -> None:
    layers, reason = BROKEN[kind]
    save_layers(folder / "panels" / "layers" / "best", layers)
    (shown,), (line,) = specimens(read_run(folder))
    assert shown.rank == "worst"
    assert line.startswith("The picture of best <eye>: ")
    assert reason in line
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert page.tags["img"] == 7
    assert "Not in this page" in page.text
    assert reason in page.text


def test_without_a_picture_that_can_be_shown_the_panels_stand(folder: Path) -> None:
    for rank in ("best", "worst"):
        (folder / "panels" / "layers" / rank / "truth.png").write_bytes(b"no picture")
    assert specimens(read_run(folder))[0] == []
    text = Page(write_report(folder).read_text(encoding="utf-8")).text
    assert text.count("truth.png is no PNG of 8 bits") == 2
    assert "panels/layers is not there" not in text


def test_the_page_has_the_viewer_and_all_layers_with_names(folder: Path) -> None:
    text = write_report(folder).read_text(encoding="utf-8")
    page = Page(text)
    assert page.tags["script"] == 1
    assert len(page.sources) == page.tags["img"] == 14
    assert all(source.startswith("data:image/") for source in page.sources)
    assert len(set(page.ids)) == len(page.ids)
    assert "truth of worst &lt;eye&gt;" in text
    assert text.count('alt="') == 14
    legend = swatches(read_run(folder).results)
    assert [(swatch.name, swatch.layers) for swatch in legend] == [
        ("background", "truth prediction"), ("vessel", "truth prediction"), ("found", "errors"),
        ("error: false", "errors"), ("error: missed", "errors"), ("not counted", "errors"),
    ]  # fmt: skip
    assert legend[1].colour == "#faf0e6"
    assert "http:" not in text
    assert "https:" not in text


def test_old_runs_get_their_panels_and_are_told_what_is_missing(folder: Path) -> None:
    content = results()
    write_json(folder / "results.json", content)
    text = Page(write_report(folder).read_text(encoding="utf-8")).text
    assert specimens(read_run(folder)) == ([], [])
    assert "thresholds.csv is not there" in text
    assert "Confidence intervals: none were drawn" in text


@pytest.mark.parametrize("spec", [VESSELS, PARTS])
def test_errors_look_on_black_as_in_a_panel(spec: DataSpec) -> None:
    """The viewer of a report and the panels of a comparison show the same errors in the same colours."""
    drawn = np.random.default_rng(0)
    truth, prediction = drawn.choice([*range(spec.num_classes), 255], (2, 24, 24)).astype(np.uint8)
    layer = overlay_errors(truth, prediction, spec).astype(float)
    seen = layer[..., :3] * layer[..., 3:] / 255
    panel = errors_to_rgb(truth, prediction, spec)
    # Right pixels of a dark class are black in the one, and the class in the other.
    kept = (truth != 0) | (prediction != 0)
    assert np.abs(seen - panel)[kept].max() <= 1
