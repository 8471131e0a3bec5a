"""Two keys against each other, and summary.tex: cells, means and main effects by hand."""

from pathlib import Path

import pytest

from segexp.errors import ConfigError
from segexp.report.comparison_page.compare import compare
from segexp.report.comparison_page.result import Comparison
from tests.report.comparison_page.made import make_run

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
    assert r"cunet & 0.6000 $\pm$ 0.0141 & \textbf{0.7000 $\pm$ 0.0141} & 0.6500 \\" in tex
    assert r"loss & dice\_loss & 0.6800 & $+$0.0300 \\" in tex
    assert r"mean & 0.6200 & 0.6800 &  \\" in tex
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
    ],
)
def test_keys_that_do_not_vary_are_refused_with_those_that_do(
    tmp_path: Path, rows: str, columns: str | None, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        compare([made(tmp_path, REACHED)], rows=rows, columns=columns)
    assert message in str(caught.value)


def test_without_two_keys_there_is_no_table_and_no_warning(tmp_path: Path) -> None:
    found = compare([made(tmp_path, REACHED)])
    assert found.factors == (None,)
    assert not any("fewer than 6" in note for note in found.notes)
    (tex,) = found.write(tmp_path, ("tex",))
    text = tex.read_text(encoding="utf-8")
    assert text.count(r"\begin{table}") == 2
    assert "% A configuration rests on 2 seeds" in text
