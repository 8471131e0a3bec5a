"""Makes a saved view of a W&B project: curves, test charts, pictures, and the view of a sweep.

python examples/wandb_workspace.py ENTITY [PROJECT]    needs a key and `pip install wandb-workspaces`
"""

import argparse

import wandb_workspaces.reports.v2 as wr
import wandb_workspaces.workspaces as ws

PARAMETERS = ("model._target_", "loss._target_", "optimizer.lr", "seed")


def workspace(entity: str, project: str) -> ws.Workspace:
    """The layout; runs are grouped by sweep (the W&B group), then by name."""
    step = "trainer/global_step"
    curves = ("train/loss", "val/loss", "val/miou", "val/auc", "lr", "seconds")
    lines = [wr.LinePlot(title=name, x=step, y=[name]) for name in curves]
    figures = [wr.ScalarChart(title=name, metric=name) for name in ("best/val/miou", "test/miou", "parameters")]
    pictures = [wr.MediaBrowser(title=name, media_keys=[name]) for name in ("panels/val", "panels/test")]
    columns = [wr.ParallelCoordinatesPlotColumn(metric=wr.Config(name)) for name in PARAMETERS]
    sweep = [
        wr.ParallelCoordinatesPlot(
            columns=[*columns, wr.ParallelCoordinatesPlotColumn(metric=wr.SummaryMetric("test/miou"))]
        ),
        wr.ParameterImportancePlot(with_respect_to="test/miou"),
        wr.ScatterPlot(
            title="Mean IoU against size", x=wr.SummaryMetric("parameters"), y=wr.SummaryMetric("test/miou"), log_x=True
        ),
    ]
    return ws.Workspace(
        entity=entity,
        project=project,
        name="segexp",
        sections=[
            ws.Section(name="Curves", panels=lines, is_open=True),
            ws.Section(name="Best and test", panels=figures, is_open=True),
            ws.Section(name="Pictures", panels=pictures, is_open=True),
            ws.Section(name="Sweep", panels=sweep, is_open=True),
        ],
        settings=ws.WorkspaceSettings(x_axis=step),
        runset_settings=ws.RunsetSettings(groupby=[ws.Metric("Group")]),
        auto_generate_panels=True,  # the charts of the test, with their tables, appear by themselves
    )


def main() -> None:
    """Makes the view and prints its address."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("entity", help="user or team")
    parser.add_argument("project", nargs="?", default="segexp")
    given = parser.parse_args()
    view = workspace(given.entity, given.project)
    view.save()
    print(view.url)  # noqa: T201 - the command's answer


if __name__ == "__main__":
    main()
