"""Charts of a comparison: what differs clearly, what it costs, which unit times have."""

import json
from pathlib import Path

import pytest

from segexp.report.charts.chart import SI_FORMAT
from segexp.report.charts.palette import BAD, GOOD, SOFT
from segexp.report.comparison_page.compare import compare
from segexp.report.comparison_page.configurations.spread import Spread
from segexp.report.comparison_page.output.charts import cost_chart, difference_chart, kind_of, time_unit
from segexp.report.comparison_page.paired import Difference
from segexp.report.values import format_amount
from tests.report.charts.test_intervals import rows_of
from tests.report.comparison_page.made import make_run
from tests.report.made_up import write_json

WORSE = Difference({"a": -0.2, "b": -0.1}, (-0.2, -0.1), lower=False)
UNCLEAR = Difference({"a": -0.1, "b": 0.2}, (-0.1, 0.2), lower=False)
ERROR = Difference({"a": -0.2, "b": -0.1}, (-0.2, -0.1), lower=True)


def test_intervals_show_which_differences_are_clear() -> None:
    found = {"worse": WORSE, "unclear": UNCLEAR, "error": ERROR}
    assert [kind_of(each) for each in found.values()] == ["bad", "open", "good"]
    chart = difference_chart(found, "base", "Dice", 2)
    assert chart is not None
    (values,) = rows_of(chart, "circle")
    assert [value["colour"] for value in values] == [BAD, SOFT, GOOD]
    assert values[0]["told"] == "worse: -0.15 [-0.20, -0.10], worse"
    assert chart.spec["encoding"]["x"]["title"] == "Dice, difference to base"
    assert difference_chart({}, "base", "Dice", 2) is None
    assert difference_chart({"same": Difference({"a": 0.0}, None, lower=False)}, "base", "Dice", 2) is None


def test_costs_are_told_with_the_front() -> None:
    rows = [
        ("small", 1e3, Spread(0.5, None, 1)),
        ("large", 1e6, Spread(0.8, 0.1, 2)),
        ("poor", 1e6, Spread(0.6, None, 1)),
    ]
    chart = cost_chart(rows, "parameters", "mean IoU", SI_FORMAT, lower=False)
    assert chart is not None
    told = [row["told"] for row in chart.spec["data"]["values"]]
    assert told == ["poor: 0.6000, 1M", "small: 0.5000, 1k, on the front", "large: 0.8000 ± 0.1000, 1M, on the front"]
    assert chart.spec["encoding"]["y"]["title"] == "mean IoU (higher is better)"
    less = cost_chart(
        [("a", 1.0, Spread(0.9, None, 1)), ("b", 2.0, Spread(0.8, None, 1))], "s", "ECE", SI_FORMAT, lower=True
    )
    assert less is not None
    assert [row["s"] for row in less.spec["data"]["values"]] == [0, 0]
    assert less.title == "ECE (lower is better) against s"


def test_units_and_short_counts() -> None:
    assert [format_amount(value) for value in (950, 29_465, 1_234_567)] == ["950", "29.5k", "1.23M"]
    assert [time_unit(value) for value in (100, 600, 9000)] == [("s", 1.0), ("min", 60.0), ("h", 3600.0)]


def test_each_chart_of_the_page_is_a_file_by_test_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What draws takes seconds to start; that it draws such charts is asked in tests/report/charts/test_files.py.
    monkeypatch.setattr("vl_convert.vegalite_to_svg", json.dumps)
    for number, (name, images) in enumerate((("cunet", "ab"), ("unet", "ab"), ("wnet", "cd"), ("segnet", "cd"))):
        values = {image: 0.5 + place / 10 + number / 50 for place, image in enumerate(images)}
        config = {"optimizer": {"lr": 0.01 * (number + 1)}}
        folder = make_run(tmp_path / "runs" / name, values, model=name, config=config, train_seconds=10.0 + number)
        record = json.loads((folder / "run.json").read_text())
        write_json(folder / "run.json", record | {"model": {"name": name, "parameters": 10**number}})
    found = compare([tmp_path / "runs"], "dice/vessel", resamples=50)
    out = tmp_path / "out"
    out.mkdir()
    files = found.write_charts(out, ["svg"])
    assert [path.name for path in files] == [
        f"{letter}_{stem}.svg" for letter in "ab" for stem in ("differences", "parameters", "training_time")
    ]  # fmt: skip
    titles = [json.loads(path.read_text(encoding="utf-8"))["title"] for path in files]
    assert titles[:3] == titles[3:]
    assert titles[0] == "Intervals of the differences"
    assert "against parameters" in titles[1]
    assert "difference to" in files[0].read_text(encoding="utf-8")
    assert found.write_charts(out, []) == []
