"""Numbers of a run at W&B and MLflow, in a file that anybody may have written."""

from pathlib import Path

import pytest

from segexp.training.loggers.run_ids import FILE, keep_id, stored_id


def test_a_number_comes_back(tmp_path: Path) -> None:
    keep_id(tmp_path, "wandb", "a1-b2")
    keep_id(tmp_path, "mlflow", "c3")
    assert (stored_id(tmp_path, "wandb"), stored_id(tmp_path, "mlflow")) == ("a1-b2", "c3")
    assert stored_id(tmp_path, "other") is None
    assert stored_id(None, "wandb") is None


@pytest.mark.parametrize(
    "text",
    ['{"wandb": "../x"}', '{"wandb": "a b"}', '{"wandb": 3}', '{"wandb": "a\\n"}', '["wandb"]', "[" * 5_000, "no",
     '{"wandb": "' + "a" * 65 + '"}', '{"wandb": "a", "b": "' + "x" * 20_000 + '"}', ""],
)  # fmt: skip
def test_what_is_no_number_is_passed_over(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text)
    assert stored_id(tmp_path, "wandb") is None
