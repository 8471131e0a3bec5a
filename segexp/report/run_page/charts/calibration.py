"""Whether probabilities mean what they say: observed share over probability, and how many pixels stand behind it."""

from collections.abc import Mapping, Sequence
from typing import Any

from segexp.report import values
from segexp.report.charts.chart import SI_FORMAT, Chart
from segexp.report.charts.lines import Line, line_chart
from segexp.runs import entries

ERRORS = {"ece": "ECE", "brier": "Brier"}


def calibration_charts(results: Mapping[str, Any]) -> list[Chart]:
    """Reliability, and pixels per bin; none where calibration was not measured."""
    measured = results.get("reliability")
    if not isinstance(measured, Mapping) or not measured:
        return []
    shares = [Line("perfect", [(0.0, 0.0), (1.0, 1.0)], None, "dotted")]
    pixels = []
    for number, (name, bins) in enumerate(measured.items()):
        row = entries.model_row(results)
        figures = [(label, entries.get_in(row, "dataset", key, name)) for key, label in ERRORS.items()]
        lines = [f"{label} {values.format_measure(value)}" for label, value in figures if value is not None]
        shares.append(Line(", ".join([name, *lines]), _pairs(bins["probability"], bins["share"]), number))
        centres = [(place + 0.5) / len(bins["pixels"]) for place in range(len(bins["pixels"]))]
        pixels.append(Line(name, _pairs(centres, bins["pixels"]), number))
    made = [
        line_chart("Reliability", shares, ("predicted probability", "observed share"), unit=(True, True)),
        line_chart(
            "Pixels per bin", pixels, ("predicted probability", ""), unit=(True, False), log=True, form=SI_FORMAT
        ),
    ]
    return [chart for chart in made if chart is not None]


def _pairs(across: Sequence[float | None], up: Sequence[float | None]) -> list[tuple[float, float]]:
    pairs = zip(across, up, strict=True)
    return [(float(x), float(y)) for x, y in pairs if x is not None and y is not None]
