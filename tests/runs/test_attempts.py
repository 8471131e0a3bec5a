"""What a run that goes on finds in its folder."""

from pathlib import Path

from segexp.runs.attempts import remove_partial


def test_only_half_written_files_of_segexp_are_removed(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    half = [".run.json.ab1_9zyx", ".metrics.csv.00000000", "checkpoints/.last.ckpt.partial"]
    kept = [".mynotes", ".lock", ".dvc", ".notes.markdown", ".data.partial", ".run.json.bak", "checkpoints/.gitignore"]
    for name in [*half, *kept]:
        (tmp_path / name).write_text("x")
    remove_partial(tmp_path)
    assert [name for name in half if (tmp_path / name).exists()] == []
    assert [name for name in kept if (tmp_path / name).is_file()] == kept
