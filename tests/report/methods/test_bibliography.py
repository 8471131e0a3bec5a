"""The bibliography: entries that BibTeX takes, and one for each source that parts of segexp name."""

import re
from pathlib import Path

import pytest
import yaml

from segexp.config.paths import conf_dir
from segexp.data.sources.data_source import read_sources
from segexp.report.methods.bibliography import BIBLIOGRAPHY, citations_in, parse_entries, read_bibliography
from segexp.report.methods.cited import citations_of, cited_by, meaning_of_option
from tests.report.methods.bibtex import parse_bibtex

ROOT = Path(__file__).resolve().parents[3]
SOURCES = [path for room in ("models", "losses", "metrics") for path in sorted((ROOT / "segexp" / room).rglob("*.py"))]
GROUPS = ("model", "loss", "optimizer", "scheduler", "metric")
OPTIONS = [path for group in GROUPS for path in (conf_dir() / group).glob("*.yaml")]
WITHOUT_PAPER = {
    "plain",
    "sgd",
    "exponential",
    "multistep",
    "none",
    "plateau",
    "step",
    "all",
    "bce",
    "ce",
    "mse",
    "nll",
}
"""Options of what every textbook has."""


def test_the_bibliography_is_strict_bibtex_in_the_order_of_its_keys() -> None:
    found = parse_bibtex(BIBLIOGRAPHY.read_text(encoding="utf-8"))
    assert len(found) == len(read_bibliography()) > 70
    assert [*found] == [*read_bibliography()]
    for key, fields in found.items():
        # The key says what the entry does: no paper can stand under the name of another.
        if key != "segexp":
            surname = re.sub(r"\{?\\.\{?|[^A-Za-z ]", "", fields["author"].split(",")[0].split(" and ")[0])
            assert key.rstrip("abc") == surname.replace(" ", "").lower() + fields["year"]


def test_entries_of_data_sets_are_strict_too() -> None:
    texts = [source.bibtex for source in read_sources().values()]
    assert len(parse_bibtex("\n".join(texts))) == len(texts) >= 9


def test_every_source_that_a_part_names_has_an_entry() -> None:
    found = [citation for path in (*SOURCES, *OPTIONS) for citation in citations_in(path.read_text(encoding="utf-8"))]
    assert len(found) > 90
    assert {citation.text for citation in found if citation.key not in read_bibliography()} == set()


def test_every_option_leads_to_a_source() -> None:
    """A new model, loss or schedule is cited by what its docstring or YAML says; nothing is registered."""
    uncited = {path.stem for path in OPTIONS if not _leads_to_a_source(path)}
    assert uncited == WITHOUT_PAPER


def _leads_to_a_source(path: Path) -> bool:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    blocks = [content, *content.values()] if isinstance(content, dict) else []
    targets = [block["_target_"] for block in blocks if isinstance(block, dict) and block.get("_target_")]
    found = [*citations_in(meaning_of_option(path.parent.name, path.stem))]
    found += [citation for target in targets for citation in citations_of(target)]
    # A sum of losses is cited by its terms.
    return bool(found) or "segexp.losses.weighted_sum.WeightedSum" in targets


def test_citations_are_read_from_words() -> None:
    text = (
        "as Cheng, Girshick, Dollár, Berg & Kirillov 2021 say, Lin et al. 2017, and Čapek and Němec 2020a; Python 2026"
    )
    assert [citation.key for citation in citations_in(text)] == ["cheng2021", "lin2017", "capek2020a"]
    assert citations_in("torch 2013, Windows 2000 and version 1 of 2017") == []
    assert [citation.key for citation in citations_in("the threshold of Otsu 1979")] == ["otsu1979"]


def test_an_entry_is_given_out_without_the_name_of_its_package() -> None:
    entry = read_bibliography()["paszke2019"]
    assert entry.package == "torch"
    assert "package" not in entry.text
    assert parse_bibtex(entry.text)["paszke2019"]["year"] == "2019"
    assert [entry.key for entry in parse_entries("% x\n@misc{a, title = {b}}\n\n@misc{c,\n title = {d}}")] == ["a", "c"]


def test_parts_of_the_users_own_are_cited_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docstring = "After Lin et al. 2017.\n\n    Args:\n        a: As He et al. 2016."
    text = f'"""A loss (Huber et al. 1964)."""\n\n\nclass Mine:\n    """{docstring}"""\n'
    (tmp_path / "my_cited_part.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    config = {
        "loss._target_": "my_cited_part.Mine",
        "model._target_": "gone.Away",
        "augment.transforms": [{}, 3, {"_target_": 4}],
    }
    found = cited_by(config, {"model": "../../secret", "optimizer": "sgd"}, "unknown", [], False)
    assert found.marks("loss") == " [@lin2017] [cite Huber et al. 1964]"
    assert [*found.unknown] == ["huber1964"]
    assert sorted(found.entries) == ["falcon2019", "lin2017", "paszke2019", "segexp", "yadan2019"]
    assert found.marks("model") == ""


def test_segexp_is_cited_as_its_own_citation_file_says() -> None:
    fields = parse_bibtex(read_bibliography()["segexp"].text)["segexp"]
    own = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert re.sub(r"[{}]", "", fields["title"]).lower() == own["title"].lower()
    assert re.sub(r"[{}]", "", fields["author"]) == own["authors"][0]["name"]
