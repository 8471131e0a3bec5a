"""A workspace and a report of a W&B project, as wandb_workspaces sends them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import wandb_workspaces.reports.v2 as wr
import wandb_workspaces.workspaces as ws

from segexp.report.dashboard.panels import STEP, panel_sections


@dataclass(frozen=True)
class DashboardPlace:
    """A place in W&B for a dashboard, and the runs that it shows.

    Attributes:
        entity: User or team.
        project: Of W&B.
        name: Of the view, and title of the report.
        group: The sweep whose runs are shown; None: all runs.
    """

    entity: str
    project: str
    name: str
    group: str | None


def workspace(place: DashboardPlace, measure: str, parameters: Sequence[str]) -> Any:
    """A saved view: all sections, runs grouped by sweep; panels of what else is logged come by themselves.

    Args:
        place: Where.
        measure: See :func:`segexp.report.dashboard.panels.panel_sections`.
        parameters: See there.
    """
    shown = [] if place.group is None else [ws.Metric("Group") == place.group]
    return ws.Workspace(
        entity=place.entity,
        project=place.project,
        name=place.name,
        sections=[
            ws.Section(name=section.name, panels=section.panels, is_open=True)
            for section in panel_sections(measure, parameters)
        ],
        settings=ws.WorkspaceSettings(x_axis=STEP),
        runset_settings=ws.RunsetSettings(groupby=[ws.Metric("Group")], filters=shown),
        auto_generate_panels=True,
    )


def report(place: DashboardPlace, measure: str, parameters: Sequence[str]) -> Any:
    """A report to be written on: a heading, a sentence and panels for each section, room for words between them.

    Args:
        place: Where.
        measure: See :func:`segexp.report.dashboard.panels.panel_sections`.
        parameters: See there.
    """
    blocks: list[Any] = [
        wr.P("What was asked, what was tried, and what came out of it: write it here."),
        wr.TableOfContents(),
    ]
    for section in panel_sections(measure, parameters):
        blocks += [wr.H2(section.name), wr.P(section.meaning)]
        blocks.append(wr.PanelGrid(runsets=[_runset(place)], panels=section.panels))
    return wr.Report(
        project=place.project,
        entity=place.entity,
        title=place.name,
        description=f"Runs of segexp in {place.project}" + (f", sweep {place.group}" if place.group else ""),
        blocks=blocks,
        width="fluid",
    )


def _runset(place: DashboardPlace) -> Any:
    shown = [] if place.group is None else [ws.Metric("Group") == place.group]
    return wr.Runset(
        entity=place.entity,
        project=place.project,
        name=place.group or "all runs, by sweep",
        groupby=["group"],
        filters=shown,
    )
