"""The search for W&B's agents: the command that an agent makes of it is one that segexp takes."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir

from segexp.cli.app import run
from segexp.config.composed import checked_train
from segexp.config.paths import conf_dir
from segexp.errors import UserError
from segexp.report.dashboard import command


def test_every_parameter_composes_and_is_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dashboard", "write=[sweep]", "out=sub/search.yaml"]) == 0
    assert "wandb sweep sub/search.yaml" in capsys.readouterr().out
    sweep: dict[str, Any] = yaml.safe_load((tmp_path / "sub" / "search.yaml").read_text(encoding="utf-8"))
    assert sweep["program"] == sweep["project"] == "segexp"
    words = sweep["command"]
    assert words[:4] == ["${env}", "python", "-m", "segexp"]
    assert words[-1] == "${args_no_hyphens}"
    fixed = words[4:-1]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        for name, values in sweep["parameters"].items():
            for value in values.get("values") or [values["min"], values["max"]]:
                checked = checked_train(compose("train", [*fixed, f"{name}={value}"]))
                assert (checked.logger["wandb"] or {})["project"] is None  # WANDB_PROJECT counts, which the agent sets
                assert checked.monitor == sweep["metric"]["name"]


@pytest.mark.parametrize(
    ("measure", "goal"),
    [
        ("dice/vessel", "maximize"),
        ("loss", "minimize"),
        ("accuracy", "maximize"),
        ("mse", "minimize"),
        ("recall/cat", "maximize"),
        ("my_error", "minimize"),
    ],
)
def test_another_measure_is_searched_by_and_chooses_the_checkpoints(
    measure: str, goal: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["dashboard", "write=[sweep]", f"measure={measure}"]) == 0
    assert ("no segmentation logs" in capsys.readouterr().out) == (measure in ("mse", "my_error"))
    sweep = yaml.safe_load((tmp_path / "wandb_sweep.yaml").read_text(encoding="utf-8"))
    assert sweep["metric"] == {"name": f"val/{measure}", "goal": goal}
    assert sweep["command"][-2:] == [f"monitor=val/{measure}", "${args_no_hyphens}"]


def test_names_stand_in_the_file_as_they_are_and_an_edited_one_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["dashboard", "write=[sweep]", "project='yes & \"no\"'", "entity='#1\\g<0>'"]) == 0
    written = (tmp_path / "wandb_sweep.yaml").read_text(encoding="utf-8")
    sweep = yaml.safe_load(written)
    assert (sweep["project"], sweep["entity"]) == ('yes & "no"', "#1\\g<0>")
    assert run(["dashboard", "write=[sweep]"]) == 2
    assert "out: wandb_sweep.yaml is there already" in capsys.readouterr().err
    assert (tmp_path / "wandb_sweep.yaml").read_text(encoding="utf-8") == written


def test_the_same_command_goes_through_after_a_failed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = [UserError("dashboard: W&B has not taken it"), ["workspace  there"]]

    def send(*asked: object) -> list[str]:
        answer = answers.pop(0)
        if isinstance(answer, UserError):
            raise answer
        return answer

    monkeypatch.setattr(command, "check_can_send", lambda: None)
    monkeypatch.setattr(command, "_sent", send)
    line = ["dashboard", "write=[workspace,sweep]"]
    assert run(line) == 2
    assert not (tmp_path / "wandb_sweep.yaml").exists()
    assert run(line) == 0
    assert capsys.readouterr().out.startswith("workspace  there\nsweep      wandb_sweep.yaml\n")
    # A file that is there is refused before anything is sent: there is no third answer.
    assert run(line) == 2
    assert "is there already" in capsys.readouterr().err
