"""Two keys against each other, and summary.tex: cells, means and main effects by hand."""

import shutil
import subprocess
from pathlib import Path

import pytest

from segexp.errors import ConfigError
from segexp.report.comparison_page.compare import compare
from segexp.report.comparison_page.result import Comparison
from tests.report.comparison_page.made import make_run
from tests.report.made_up import write_rows

# Dice of the vessel by model and loss; two seeds lie .02 apart, three images .1.
REACHED = {("cunet", "bce"): 0.6, ("cunet", "dice_loss"): 0.7, ("unet", "bce"): 0.64, ("unet", "dice_loss"): 0.66}


def made(folder: Path, pairs: dict[tuple[str, str], float]) -> Path:
    for number, ((model, loss), value) in enumerate(pairs.items()):
        for seed in (0, 1):
            mean = value + (seed - 0.5) * 0.02
            images = {"a": mean - 0.1, "b": mean, "c": mean + 0.1}
            overrides = [f"model={model}", f"loss={loss}", f"seed={seed}"]
            config = {"loss": {"_target_": loss}}
            make_run(
                folder / f"{number}_{seed}", images, model=model, seed=seed, overrides=overrides, config=config,
                choices={"loss": loss},
            )  # fmt: skip
    return folder


@pytest.fixture
def crossed(tmp_path: Path) -> Comparison:
    return compare([made(tmp_path / "sweep", REACHED)], "dice/vessel", rows="model", columns="loss")


def test_cells_are_means_over_seeds_and_the_main_effects_are_those_of_the_means(crossed: Comparison) -> None:
    (table,) = crossed.factors
    assert table is not None
    assert (table.rows, table.columns, table.others) == (("cunet", "unet"), ("bce", "dice_loss"), ())
    for pair, value in REACHED.items():
        assert table.cells[pair].mean == pytest.approx(value)
        assert table.cells[pair].deviation == pytest.approx(0.02 / 2**0.5)
        assert table.cells[pair].count == 2
    effects = {(each.key, each.value): (each.mean, each.effect) for each in table.effects}
    assert effects["model", "cunet"] == pytest.approx((0.65, 0.0))
    assert effects["model", "unet"] == pytest.approx((0.65, 0.0))
    assert effects["loss", "bce"] == pytest.approx((0.62, -0.03))
    assert effects["loss", "dice_loss"] == pytest.approx((0.68, 0.03))


def test_every_summary_shows_the_table_and_warns_of_few_seeds(crossed: Comparison, tmp_path: Path) -> None:
    files = crossed.write(tmp_path, ("csv", "md", "html", "tex"))
    assert [file.name for file in files] == ["summary.csv", "summary.md", "summary.tex", "summary.html"]
    markdown, tex, page = (files[place].read_text(encoding="utf-8") for place in (1, 2, 3))
    assert "| cunet | 0.6000 ± 0.0141 | **0.7000 ± 0.0141** | 0.6500 |" in markdown
    assert "| loss | bce | 0.6200 | -0.0300 |" in markdown
    assert r"cunet & 0.600 $\pm$ 0.014 & \textbf{0.700 $\pm$ 0.014} & 0.650 \\" in tex
    assert r"loss & dice\_loss & 0.680 & $+$0.030 \\" in tex
    assert r"mean & 0.620 & 0.680 &  \\" in tex
    assert tex.count(r"\begin{table}") == tex.count(r"\end{table}") == 4
    assert [f"tab:{name}" in tex for name in ("results", "differences", "factors", "effects")] == [True] * 4
    assert 'id="factors-all"' in page
    assert 'id="effects-all"' in page
    assert "rests on 2 seeds: with fewer than 6" in crossed.text()
    assert "cunet" in crossed.text().split("by model and loss")[1]


def test_means_of_an_incomplete_table_are_left_out_and_said_to_be(tmp_path: Path) -> None:
    most = {pair: value for pair, value in REACHED.items() if pair != ("unet", "bce")}
    found = compare([made(tmp_path, most)], "dice/vessel", rows="loss", columns="model")
    (table,) = found.factors
    assert table is not None
    assert ("bce", "unet") not in table.cells
    assert table.effects == []
    assert any(note.startswith("1 of 4 pairs of loss and model have no run") for note in found.notes)
    assert "| bce | 0.6000 ± 0.0141 | - |" in (found.write(tmp_path, ("md",))[0]).read_text(encoding="utf-8")


def test_a_cell_that_a_trivial_predictor_beats_is_the_best_of_nothing(tmp_path: Path) -> None:
    # The mean IoU is .1 below the Dice, that of all background is .35.
    low = {pair: value - 0.3 for pair, value in REACHED.items()}
    found = compare([made(tmp_path, low)], "dice/vessel", rows="model", columns="loss")
    (table,) = found.factors
    assert table is not None
    assert len(table.beaten) == 4
    assert "| cunet | 0.3000 ± 0.0141 | 0.4000 ± 0.0141 |" in found.write(tmp_path, ("md",))[0].read_text("utf-8")


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        ("model", None, "rows=model columns=None: expected two different varied keys"),
        ("model", "model", "rows=model columns=model: expected two different"),
        ("modle", "loss", "rows=modle: no test set has runs that differ in it. Did you mean 'model'?"),
        ("model", "optimizer.lr", "columns=optimizer.lr: no test set has runs that differ in it"),
        ("model", "seed", "columns=seed: measures are averaged over the seeds of a configuration"),
        ("seed", "loss", "rows= takes another key that varies, two different ones in all: model, loss"),
    ],
)
def test_keys_that_do_not_vary_are_refused_with_those_that_do(
    tmp_path: Path, rows: str, columns: str | None, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        compare([made(tmp_path, REACHED)], rows=rows, columns=columns)
    assert message in str(caught.value)


def test_without_two_keys_there_is_no_table_of_them_but_the_warning_of_few_seeds(tmp_path: Path) -> None:
    found = compare([made(tmp_path, REACHED)])
    assert found.factors == (None,)
    assert sum("rests on 2 seeds: with fewer than 6" in note for note in found.notes) == 1
    (tex,) = found.write(tmp_path, ("tex",))
    text = tex.read_text(encoding="utf-8")
    assert text.count(r"\begin{table}") == 2
    assert "% A configuration rests on 2 seeds" in text
    differences = text[text.index("tab:differences") :]
    assert "A configuration rests on 2 seeds: with fewer than 6" in differences
    assert "the intervals of differences are too narrow" in differences


LONG = {"crop_size": 32, "crops_total": 32, "max_epochs": 2}


@pytest.fixture
def hard(tmp_path: Path) -> Path:
    """A sweep of folders with long names, that Otsu beats, and distances; one name has a word that cannot be broken."""
    root = tmp_path / "sweep"
    for number, model in enumerate(("cunet", "unet_little", "a_model_of_my_own" + "W" * 30)):
        for seed in (0, 1, 2):
            images = {f"leaf_{image:02d}": 0.3 + 0.05 * number + 0.001 * seed + 0.01 * image for image in range(3)}
            mean = sum(images.values()) / 3
            figures = {"miou": mean - 0.1, "dice": {"background": 0.99, "vessel": mean}, "auc": 0.9}
            distances = {"hd95": {"vessel": 123.456 + seed}}
            task = {"datamodule": "folder", "classes": ["background", "vessel"], "where": "all pixels, at native size"}
            make_run(
                root / f"{number}_{seed}", images, model=model, seed=seed,
                config={"datamodule": {"root": "data/my_leaves"}, "trainer": LONG if number else {"max_epochs": 3}},
                overrides=[f"model={model}", f"seed={seed}", *(f"trainer.{key}={LONG[key]}" for key in LONG)],
                results={
                    "task": task, "units": {"hd95": "px"},
                    "rows": [
                        {"name": "model", "dataset": figures, "image": {**figures, **distances}},
                        {"name": "Otsu", "dataset": {"miou": 0.95, "dice": {"vessel": 0.96}}, "image": {}},
                    ],
                },
                parameters=1000 * (number + 1),
            )  # fmt: skip
    return root


def test_the_table_of_a_thesis_has_few_columns_three_digits_and_its_remarks_below(hard: Path) -> None:
    found = compare([hard], "dice/vessel")
    markdown, tex, page = (file.read_text(encoding="utf-8") for file in found.write(hard, ("md", "tex", "html")))
    results = tex.split(r"\end{table}")[0]
    assert r"\caption{Test measures on 3 test images of my\_leaves, all pixels, at native size.}" in results
    assert results.count(r"\shortstack[r]{HD95 vessel\\(px) $\downarrow$}") == 1
    assert r"\shortstack[r]{Dice vessel,\\all pixels} & \shortstack[r]{mean IoU, all\\pixels} &" in results
    assert r"\caption{Differences in Dice vessel per image to " in tex
    assert r"3 & 0.411 $\pm$ 0.001 & 0.311 $\pm$ 0.001 & 124.5 $\pm$ 1.0 \\" in results
    assert results.count(r"\textsuperscript{a}") == 4
    assert r"\textsuperscript{a}\,worse than Otsu." in results.split(r"\bottomrule")[1]
    assert "bold, unless a trivial predictor beats it" in results
    # Nothing beats Otsu, so that nothing is bold: no parameters either.
    assert r"\textbf" not in tex
    assert "**" not in markdown
    assert "bold, unless a trivial predictor beats it" in markdown
    assert tex.splitlines()[2] == "% 3 configurations on my_leaves"
    assert markdown.startswith("# 3 configurations on my_leaves\n")
    assert "my_leaves, 3 images" in page
    assert "folder, 3 images" not in page + markdown + tex


def test_a_p_value_that_few_images_cannot_make_small_is_explained(hard: Path) -> None:
    found = compare([hard], "dice/vessel")
    markdown, tex, page = (file.read_text(encoding="utf-8") for file in found.write(hard, ("md", "tex", "html")))
    told = (
        "With 3 test images the smallest p that sign flips can give is 2/2^3 = 0.25; corrected for 2 rows up to 2 times"
    )
    assert told in markdown
    assert told in page
    assert "can give is $2/2^{3}$ = 0.25;" in tex
    assert "(first by Dice vessel per image on these test images, though a trivial predictor beats it)" in markdown


def classified(folder: Path, model: str, seed: int, **figures: float) -> None:
    """A run that has told classes of three images."""
    rows = [{"name": "model", "dataset": figures, "image": {"accuracy": figures["accuracy"]}},
            {"name": "all healthy", "dataset": {"accuracy": 0.4, "balanced_accuracy": 0.5}, "image": {}}]  # fmt: skip
    task = {"datamodule": "photos", "classes": ["healthy", "blast"], "where": "test images"}
    checkpoint = {"monitor": "val/accuracy"}
    labels = {"balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1"}
    told = {"kind": "classification", "labels": labels, "task": task, "checkpoint": checkpoint, "threshold": None}
    results = {**told, "rows": rows}
    images = {"a": 1.0, "b": 0.0, "c": 1.0}
    make_run(folder, images, model=model, seed=seed, results=results)
    write_rows(folder / "per_image.csv", [{"image": n, "row": "model", "accuracy": v} for n, v in images.items()])


@pytest.mark.parametrize(
    ("figures", "heads"),
    [
        ({"accuracy": 0.8, "balanced_accuracy": 0.75, "macro_f1": 0.7, "auc": 0.9, "ap": 0.6},
         r"configuration & n & accuracy & \shortstack[r]{balanced\\accuracy} & ROC-AUC \\"),
        ({"accuracy": 0.8, "balanced_accuracy": 0.75, "macro_f1": 0.7},
         r"configuration & n & accuracy & \shortstack[r]{balanced\\accuracy} & macro F1 \\"),
    ],
)  # fmt: skip
def test_classes_of_images_have_the_columns_of_a_thesis(tmp_path: Path, figures: dict[str, float], heads: str) -> None:
    for number, model in enumerate(("resnet18", "a_network_of_mine" + "_with_a_long_name" * 2)):
        for seed in (0, 1):
            reached = {name: value - 0.1 * number + 0.02 * seed for name, value in figures.items()}
            classified(tmp_path / f"{number}_{seed}", model, seed, **reached)
    markdown, tex, page = (
        file.read_text(encoding="utf-8") for file in compare([tmp_path]).write(tmp_path, ("md", "tex", "html"))
    )
    results = tex.split(r"\end{table}")[0]
    assert heads in results
    assert r"resnet18 & 2 & \textbf{0.810 $\pm$ 0.014} & \textbf{0.760 $\pm$ 0.014}" in results
    assert r"\caption{Test measures on 3 test images of photos.}" in results
    for name in figures.keys() - {"ap"}:
        assert {"auc": "ROC-AUC", "macro_f1": "macro F1"}.get(name, name.replace("_", " ")) in page
    assert "| balanced accuracy |" in markdown


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_the_table_of_classes_fits_the_page(tmp_path: Path) -> None:
    for number, model in enumerate(("resnet18", "a_network_of_mine" + "_with_a_long_name" * 2, "X" * 40)):
        for seed in (0, 1):
            figures = {"accuracy": 0.8, "balanced_accuracy": 0.75, "macro_f1": 0.7, "auc": 0.9}
            reached = {name: value - 0.1 * number + 0.02 * seed for name, value in figures.items()}
            classified(tmp_path / f"{number}_{seed}", model, seed, **reached)
    compare([tmp_path]).write(tmp_path, ("tex",))
    assert overfull(tmp_path) == []


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
@pytest.mark.parametrize("places", ["*", "0_*", "[01]_*"])
def test_the_tables_fit_the_page_of_an_article(hard: Path, places: str, tmp_path: Path) -> None:
    compare([str(hard / places)]).write(tmp_path, ("tex",))
    assert overfull(tmp_path) == []


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_cross_tables_of_many_columns_go_on_below(tmp_path: Path) -> None:
    pairs = {(f"model_{model}", f"loss_number_{loss}"): 0.6 + 0.01 * loss for model in range(2) for loss in range(7)}
    found = compare([made(tmp_path / "sweep", pairs)], "dice/vessel", rows="model", columns="loss")
    tex = found.write(tmp_path, ("tex",))[0].read_text(encoding="utf-8")
    assert tex.split("tab:factors")[1].split(r"\end{table}")[0].count(r"\begin{tabular}") > 1
    assert overfull(tmp_path) == []


def overfull(folder: Path) -> list[str]:
    """Lines of the log of pdflatex on summary.tex that tell of what is too wide, and its errors."""
    lines = (
        r"\documentclass{article}",
        r"\usepackage{booktabs}",
        r"\begin{document}",
        r"\input{summary}",
        r"\end{document}",
    )
    (folder / "thesis.tex").write_text("\n".join(lines))
    command = ("pdflatex", "-interaction=nonstopmode", "-no-shell-escape", "thesis.tex")
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=120, check=False
    )
    assert (folder / "thesis.pdf").is_file(), done.stdout[-2000:]
    return [line for line in done.stdout.splitlines() if line.startswith(("Overfull", "!"))]
