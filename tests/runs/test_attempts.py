"""What a run that goes on finds in its folder."""

from pathlib import Path

from segexp.runs.attempts import kept_entries, remove_partial


def test_only_half_written_files_of_segexp_are_removed(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    half = [".run.json.ab1_9zyx", ".metrics.csv.00000000", "checkpoints/.last.ckpt.partial"]
    kept = [".mynotes", ".lock", ".dvc", ".notes.markdown", ".data.partial", ".run.json.bak", "checkpoints/.gitignore"]
    for name in [*half, *kept]:
        (tmp_path / name).write_text("x")
    remove_partial(tmp_path)
    assert [name for name in half if (tmp_path / name).exists()] == []
    assert [name for name in kept if (tmp_path / name).is_file()] == kept


def test_a_run_that_goes_on_keeps_what_each_attempt_was_made_with(tmp_path: Path) -> None:
    first = {"command": "segexp", "started": "2026-11-30T10:00:00+00:00"}
    by = {"git": {"commit": "a1"}, "versions": {"torch": "2.13.0"}, "machine": {"cores": 2}}
    end = {"state": "interrupted", "ended": "2026-11-30T10:00:05+00:00", "seconds": 5.0, "signal": "SIGTERM"}
    trained = {"ended_by": "trainer.max_epochs", "train_seconds": 4.0, "epochs": 2, "skipped_steps": 3}
    kept = kept_entries(tmp_path, {**first, **by, **end, **trained, "model": {"parameters": 7}})
    assert kept == {**first, **trained, "attempts": [{**first, **by, **end}]}
    # Of a training that has not ended nothing is known yet.
    assert "skipped_steps" not in kept_entries(tmp_path, {**first, **end, "skipped_steps": 3})
