"""Panels of a W&B project, in the sections of a workspace and of a report.

Imports wandb_workspaces: only where a dashboard is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import wandb_workspaces.reports.v2 as wr

from segexp.report.dashboard.logged_names import CHARTS, CURVES, PICTURES, TABLES, TableChart

STEP = "trainer/global_step"
"""Steps of the optimizer, over which all curves are drawn."""
WIDE = 24
"""Columns of a report."""


@dataclass(frozen=True)
class PanelSection:
    """Panels that belong together.

    Attributes:
        name: Heading.
        meaning: What it shows, in a sentence.
        panels: Of wandb_workspaces.
    """

    name: str
    meaning: str
    panels: list[Any]


def panel_sections(measure: str, parameters: Sequence[str]) -> list[PanelSection]:
    """All sections of a dashboard.

    Args:
        measure: That of validation and test, without its phase: ``miou``, ``dice/vessel``.
        parameters: Keys of the config that are axes of the parallel coordinates.
    """
    curves = [f"val/{measure}", *(name for name in CURVES if name != f"val/{measure}")]
    figures = (f"best/val/{measure}", f"test/{measure}", "parameters")
    return [
        PanelSection(
            "Curves", "Loss and measures over the steps of the optimizer.",
            [wr.LinePlot(title=name, x=STEP, y=[name]) for name in curves],
        ),
        PanelSection(
            "Best and test", "Of the checkpoint that validation has chosen, and of the test images.",
            [wr.ScalarChart(title=name, metric=name) for name in figures],
        ),
        PanelSection(
            "Pictures", "Validation images over the epochs, and test images from worst to best; masks by a click.",
            [wr.MediaBrowser(title=name, media_keys=[name], gallery_axis=axis) for name, axis in PICTURES.items()],
        ),
        PanelSection(
            "Test images", "A line for each test image, the worst first; figures by class.",
            [wr.WeavePanelSummaryTable(table_name=name, layout=wr.Layout(w=WIDE, h=10)) for name in TABLES],
        ),
        PanelSection("Charts of the test", "Of all pixels of the test images.", [_chart(chart) for chart in CHARTS]),
        PanelSection("Sweep", "What was varied, and what it brought.", _sweep_panels(measure, parameters)),
    ]  # fmt: skip


def _chart(chart: TableChart) -> Any:
    return wr.CustomChart(
        query={"summaryTable": {"tableKey": chart.table}},
        chart_name=chart.kind,
        chart_fields=chart.fields,
        chart_strings={"title": chart.title},
    )


def _sweep_panels(measure: str, parameters: Sequence[str]) -> list[Any]:
    tested = wr.SummaryMetric(f"test/{measure}")
    columns = [wr.ParallelCoordinatesPlotColumn(metric=wr.Config(name)) for name in parameters]
    return [
        wr.ParallelCoordinatesPlot(
            columns=[*columns, wr.ParallelCoordinatesPlotColumn(metric=tested)], layout=wr.Layout(w=WIDE, h=9)
        ),
        wr.ParameterImportancePlot(with_respect_to=f"test/{measure}"),
        wr.ScatterPlot(title=f"{measure} against size", x=wr.SummaryMetric("parameters"), y=tested, log_x=True),
    ]
