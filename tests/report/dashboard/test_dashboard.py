"""The command dashboard: what reaches W&B's server, panel by panel, and what is refused before anything is sent."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from segexp.cli.app import run
from segexp.report.dashboard.logged_names import CHARTS, CURVES, PICTURES, TABLES
from tests.training.wandb_server import WandbServer

KEY = "0" * 40
INSTALLED = all(importlib.util.find_spec(name) for name in ("wandb", "wandb_workspaces"))
needs_wandb = pytest.mark.skipif(not INSTALLED, reason="the extra wandb is not installed")


def ask(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in a process of its own: wandb keeps settings for good."""
    return subprocess.run(
        [sys.executable, "-m", "segexp", "dashboard", *words], capture_output=True, text=True, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


def shown(panel: dict[str, Any]) -> str:
    """Kind of a panel, and what it shows."""
    kind, config = panel["viewType"], panel["config"]
    names: dict[str, Callable[[], list[str]]] = {
        "Run History Line Plot": lambda: [*config["metrics"], f"over {config['xAxis']}"],
        "Scalar Chart": lambda: config["metrics"],
        "Media Browser": lambda: [*config["mediaKeys"], f"by {config['gallerySettings']['axis']}"],
        "Weave": lambda: [config["panel2Config"]["exp"]["fromOp"]["inputs"]["key"]["val"]],
        "Vega2": lambda: [
            config["panelDefId"],
            config["userQuery"]["queryFields"][0]["fields"][0]["args"][0]["value"],
            *sorted(config["fieldSettings"].values()),
        ],
        "Parallel Coordinates Plot": lambda: [column["accessor"] for column in config["columns"]],
        "Parameter Importance": lambda: [config["targetKey"]],
        "Scatter Plot": lambda: [config["xAxis"], config["yAxis"]],
    }
    return f"{kind}: {', '.join(names[kind]())}"


PANELS = {
    "Curves": [f"Run History Line Plot: {name}, over trainer/global_step" for name in ("val/dice/vessel", *CURVES)],
    "Best and test": [f"Scalar Chart: {name}" for name in ("best/val/dice/vessel", "test/dice/vessel", "parameters")],
    "Pictures": [f"Media Browser: {name}, by {axis}" for name, axis in PICTURES.items()],
    "Test images": [f"Weave: {name}" for name in TABLES],
    "Charts of the test": [
        f"Vega2: {', '.join([chart.kind, chart.table, *sorted(chart.fields.values())])}" for chart in CHARTS
    ],
    "Sweep": [
        "Parallel Coordinates Plot: config:model.value._target_, config:optimizer.value.lr, summary:test/dice/vessel",
        "Parameter Importance: test/dice/vessel",
        "Scatter Plot: summary:parameters, summary:test/dice/vessel",
    ],
}
"""Panels by section."""


@needs_wandb
def test_view_and_report_reach_the_server_panel_by_panel() -> None:
    server = WandbServer()
    done = ask(
        "project=eyes", "name=my view", "measure=dice/vessel", "parameters=[model._target_,optimizer.lr]", "group=sw 1",
        WANDB_BASE_URL=server.url, WANDB_API_KEY=KEY,
    )  # fmt: skip
    server.die()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"workspace  {server.url}/me/eyes?nw=abc", f"report     {server.url}/me/eyes/reports/my-view--Vmlldw==",
    ]  # fmt: skip
    view, report = server.asked
    for sent, kind in ((view, "project-view"), (report, "runs")):
        assert (sent["entityName"], sent["projectName"], sent["displayName"]) == ("me", "eyes", "my view")
        assert sent["type"] == kind
    check_view(json.loads(view["spec"])["section"])
    check_report(json.loads(report["spec"])["blocks"])


def check_view(section: dict[str, Any]) -> None:
    sections = {
        part["name"]: [shown(panel) for panel in part["panels"]] for part in section["panelBankConfig"]["sections"]
    }
    assert sections == PANELS
    assert section["settings"]["xAxis"] == "trainer/global_step"
    assert section["settings"]["shouldAutoGeneratePanels"] is True
    check_runs(section["runSets"][0])


def check_report(blocks: list[dict[str, Any]]) -> None:
    texts = ["".join(child.get("text", "") for child in block.get("children", ())) for block in blocks]
    grids = [block for block in blocks if block["type"] == "panel-grid"]
    found = [[shown(p) for p in grid["metadata"]["panelBankSectionConfig"]["panels"]] for grid in grids]
    assert found == list(PANELS.values())
    assert [text for text in texts if text in PANELS] == list(PANELS)
    assert "What was asked" in texts[1]
    for grid in grids:
        (runs,) = grid["metadata"]["runSets"]
        assert runs["project"]["name"] == "eyes"
        check_runs(runs)


def check_runs(runs: dict[str, Any]) -> None:
    """Runs of one sweep, by group."""
    (shown_only,) = runs["filters"]["filters"]
    assert (shown_only["key"], shown_only["op"], shown_only["value"]) == (
        {"section": "run", "name": "group"},
        "=",
        "sw 1",
    )
    assert [group["name"] for group in runs["grouping"]] == ["group"]


@needs_wandb
@pytest.mark.slow
def test_a_server_that_is_gone_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    done = ask("timeout=3", WANDB_BASE_URL="http://127.0.0.1:9", WANDB_API_KEY=KEY)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("segexp: dashboard: W&B has not taken it")


@pytest.mark.parametrize(
    ("words", "environment", "message"),
    [
        ([], {}, "no key of W&B is set, so nothing was sent; `wandb login` keeps one"),
        ([], {"WANDB_API_KEY": KEY, "WANDB_MODE": "offline"}, "WANDB_MODE=offline says that nothing is sent"),
        (["projct=a"], {}, "projct: no such key. Did you mean 'project'?"),
        (["write=[worspace]"], {}, "expected a list of workspace | report | sweep. Did you mean 'workspace'?"),
        (["write=[]"], {}, "write: found []"),
        (["project=me/eyes"], {}, "the user or team is the key entity"),
        (["project=''"], {"WANDB_PROJECT": "a?b"}, "project: found 'a?b'"),
        ([f"name={'x' * 129}"], {}, "name: found 129 letters, expected 1 to 128"),
        (["measure=val/miou"], {}, "measure: found 'val/miou', expected a measure without its phase"),
        (["measure=dise/vessel", "write=[sweep]"], {}, "did you mean val/dice/<class>?"),
        (["timeout=0"], {}, "timeout: found 0"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(
    words: list[str],
    environment: dict[str, str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("segexp.report.dashboard.command.PACKAGES", ("json",))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert run(["dashboard", *words]) == 2
    assert message in capsys.readouterr().err


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setattr("segexp.report.dashboard.command.PACKAGES", ("wandb_workspaces_gone",))
    assert run(["dashboard"]) == 2
    assert "wandb-workspaces-gone not installed; pip install 'segexp[wandb]'" in capsys.readouterr().err
