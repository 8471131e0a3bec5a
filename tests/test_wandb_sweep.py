"""examples/wandb_sweep.yaml: the command that W&B's agent makes of it is one that segexp takes."""

from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir

from segexp.config.composed import checked_train
from segexp.config.paths import conf_dir

SWEEP = Path(__file__).resolve().parent.parent / "examples" / "wandb_sweep.yaml"


def test_every_parameter_composes_and_is_valid() -> None:
    sweep: dict[str, Any] = yaml.safe_load(SWEEP.read_text(encoding="utf-8"))
    assert sweep["program"] == "segexp"
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
