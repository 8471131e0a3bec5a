"""The summary of a search: what validation has chosen stands on top, and test figures choose nothing."""

import json
from pathlib import Path

import pytest

from segexp.report.comparison_page.compare import compare, write_summary
from segexp.report.comparison_page.configurations.figures import Figure
from segexp.report.comparison_page.search import searches_of
from segexp.runs.find import find_runs
from segexp.runs.manifest_files import append_change
from tests.report.comparison_page.made import make_run
from tests.report.made_up import write_json
from tests.report.run_page.test_page import Page

COLUMNS = "trial,state,value,optimizer.lr,loss,epochs,seconds,folder\n"


@pytest.fixture
def search(tmp_path: Path) -> Path:
    """The second of four trials is best on validation images, the first on test images; one pruned, one failed."""
    folder = tmp_path / "a search"
    trials: list[tuple[str, float | None, float, str, float]] = [
        ("finished", 0.7, 0.001, "bce", 0.9),
        ("finished", 0.8, 0.00212199585, "[a,b]", 0.6),
        ("pruned", 0.95, 0.02, "dice", 0.1),
        ("failed", None, 0.03, "dice", 0.1),
    ]
    lines, jobs = [COLUMNS], []
    for number, (state, value, rate, loss, dice) in enumerate(trials):
        name = f"{number:03d}_lr"
        job(folder / name, state, rate, loss, dice)
        jobs.append({"number": number, "trial": number, "folder": name, "state": state, "label": f"lr={rate}"})
        lines.append(f'{number},{state},{"" if value is None else value},{rate},"{loss}",4,61.0,elsewhere/{name}\n')
    # Of another worker; its folder is not here.
    lines.append("4,running,,0.04,bce,,,elsewhere/000_other\n")
    (folder / "trials.csv").write_text("".join(lines))
    write_json(folder / "manifest.json", {"search": {"name": "x", "words": []}, "jobs": jobs})
    return folder


def job(path: Path, state: str, rate: float, loss: str, dice: float) -> None:
    make_run(
        path,
        {"a": dice, "b": dice - 0.1},
        overrides=[f"optimizer.lr={rate}", f"loss={loss}"],
        config={"optimizer": {"lr": rate}},
        results={"checkpoint": {"monitor": "val/miou", "mode": "max"}},
        state=state,
        command="segexp train sweep=optuna 'optimizer.lr=log(1e-4,1e-1)' 'loss=bce,[a,b],dice' --config-dir mine",
    )


def test_a_job_that_a_killed_search_had_not_written_into_its_manifest_has_its_folder(search: Path) -> None:
    manifest = json.loads((search / "manifest.json").read_text())
    (job,) = (job for job in manifest["jobs"] if job["trial"] == 1)
    manifest["jobs"].remove(job)
    write_json(search / "manifest.json", manifest)
    table = search / "trials.csv"
    table.write_text(table.read_text().replace("elsewhere/001_lr", "elsewhere/gone"))

    def place() -> Path | None:
        (found,) = searches_of(find_runs([search])[0], [search])
        return found.trials[1].folder

    assert place() != search / "001_lr"
    append_change(search, job)
    assert place() == search / "001_lr"


def test_the_page_puts_what_validation_has_chosen_on_top(search: Path) -> None:
    write_summary(search)
    page = Page((search / "summary.html").read_text())
    text = page.text
    assert "Search of 5 trials on drive" in text
    assert (
        "by val/miou on validation images, highest is best: 5 trials (2 finished, 1 pruned, 1 failed, 1 running)"
        in text
    )
    assert "Best val/miou, by validation 0.8000 trial 1 of 5 optimizer.lr 0.002122 loss [a,b]" in text
    assert "Best mean IoU" not in text
    assert "Best trial by validation: trial 1 , val/miou 0.8000, optimizer.lr=0.002122 loss=[a,b]" in text
    assert "python -m segexp optimizer.lr=0.00212199585 'loss=[a,b]' --config-dir mine" in text
    assert "1 finished, the best 0.8000 0.002122 [a,b] 4 1 min 01 s" in text
    assert "2 pruned 0.9500 0.02 dice" in text
    assert "3 failed - 0.03 dice" in text
    assert "4 running - 0.04 bce - -" in text
    assert "Test images choose nothing" in text
    assert text.index("Best trial by validation") < text.index("Results on test images")
    assert "2 runs or jobs have no measures and are left out (1 pruned, 1 failed)" in text
    differences = text.partition("Difference in mean IoU per image to")[2].partition("configuration")[0]
    assert ", chosen by validation" in differences
    assert page.links[0] == "001_lr/report.html"


def test_others_are_compared_with_the_chosen_trial_and_the_text_tells_the_same(search: Path) -> None:
    found = compare([search])
    assert found.groups[0].base.runs[0].path.name == "001_lr"
    # By validation, though the other is better on test images.
    assert [row.runs[0].path.name for row in found.groups[0].rows] == ["001_lr", "000_lr"]
    assert found.groups[0].best(Figure("dataset", "miou")) == frozenset()
    assert compare([search], base=str(search / "000_lr")).groups[0].base is not found.groups[0].base
    write_summary(search)
    told = (search / "summary.md").read_text()
    assert "Best trial by validation: 1, val/miou 0.8000, `optimizer.lr=0.002122 loss=[a,b]`" in told
    assert "| 1 | finished, the best | **0.8000** | 0.002122 | [a,b] | 4 | 1 min 01 s |" in told
    assert "Test images choose nothing" in told


def test_lowest_is_best_of_a_loss(search: Path) -> None:
    for name in ("000_lr", "001_lr"):
        text = (search / name / "results.json").read_text()
        (search / name / "results.json").write_text(text.replace('"max"', '"min"'))
    (found,) = compare([search]).searches
    assert found.best is not None
    assert found.best.number == 0


def test_some_runs_of_a_search_and_a_plain_sweep_are_none(search: Path) -> None:
    assert compare([search / "000_lr", search / "001_lr"]).searches == ()
    write_json(search / "manifest.json", {"jobs": []})
    assert compare([search]).searches == ()


def test_without_its_table_it_still_is_a_search(search: Path) -> None:
    (search / "trials.csv").unlink()
    write_summary(search)
    text = Page((search / "summary.html").read_text()).text
    assert "These runs are trials of a search for hyperparameters by val/miou." in text
    assert "Test images choose nothing" in text
    assert "Best mean IoU" not in text
