"""``methods.md`` and ``references.bib``: a section on methods for a thesis, of one run or of several, ready to edit."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from segexp.errors import DataError, one_line
from segexp.report.markdown import escape_text, format_code
from segexp.report.methods.bibliography import read_bibliography
from segexp.report.methods.described_run import DescribedRun, join_words
from segexp.report.methods.judged import measure_sentences, selection_sentences, software_sentences
from segexp.report.methods.measure_table import measure_table
from segexp.report.methods.sentences import data_sentences, model_sentences, sample_sentences, training_sentences
from segexp.runs import entries
from segexp.runs.contents import read_run
from segexp.runs.files import replace_file
from segexp.runs.text import printable, utf8

METHODS, REFERENCES = "methods.md", "references.bib"
ABOUT = (
    "*Written by segexp from the files of {what}. Edit it: what stands in [brackets] it does not know. Citations are "
    f"of `{REFERENCES}`, as pandoc takes them: `pandoc {METHODS} --natbib -o methods.tex` makes `\\cite` of them.*"
)
Sentences = Callable[[DescribedRun], Iterator[str]]


@dataclass(frozen=True)
class Member:
    """A run among others, with what sets it apart.

    Attributes:
        run: Its files.
        name: Of its configuration.
        repeat: What sets it apart from other runs of its configuration, such as ``seed 1``.
    """

    run: DescribedRun
    name: str = ""
    repeat: str = ""


def sections(*, alone: bool) -> Mapping[str, Sentences]:
    """Headings and what stands below them.

    Args:
        alone: Whether there is one run, whose own figures are said too.
    """
    return {
        "Data": partial(data_sentences, alone=alone),
        "Training samples": sample_sentences,
        "Model": model_sentences,
        "Training": training_sentences,
        "Selection": partial(selection_sentences, alone=alone),
        "Measures": partial(measure_sentences, alone=alone),
        "Software": software_sentences,
    }


def write_run_methods(folder: Path) -> list[Path]:
    """Writes ``methods.md`` and ``references.bib`` into a run folder, finished or not, from its plain files alone.

    Raises:
        DataError: It is no run folder, or its files are none that segexp has written.
        OSError: The folder cannot be written.
    """
    contents = read_run(folder)
    seed = entries.to_text(contents.run.get("seed"))
    more = [f"The seed is {escape_text(seed)}."] if seed else []
    what = f"the run {format_code(contents.path.resolve().name)}"
    try:
        return write_methods(folder, what, [Member(DescribedRun(contents))], more)
    except (DataError, OSError):
        raise
    except Exception as error:  # files that anybody may have written hold anything
        raise DataError(f"{folder}: no text can be made of its files ({one_line(error)}); edited?") from error


def write_methods(out: Path, what: str, members: Sequence[Member], repeated: Sequence[str] = ()) -> list[Path]:
    """Writes ``methods.md`` and ``references.bib``.

    Args:
        out: The folder.
        what: What they are written of, in Markdown.
        members: One or more runs.
        repeated: Sentences on seeds and repetitions.
    """
    text = methods_text(what, members, repeated)
    references = references_text(text, [member.run for member in members])
    return [replace_file(out / name, utf8(content)) for name, content in ((METHODS, text), (REFERENCES, references))]


def methods_text(what: str, members: Sequence[Member], repeated: Sequence[str] = ()) -> str:
    """The text: a paragraph for each part of the experiment; what differs between runs is said by configuration."""
    parts = ["# Methods", ABOUT.format(what=what)]
    for heading, sentences in sections(alone=len(members) == 1).items():
        texts: dict[str, list[Member]] = {}
        for member in members:
            texts.setdefault(" ".join(sentences(member.run)), []).append(member)
        body = _body(texts)
        body += f"\n\n{' '.join(repeated)}" if heading == "Training" and repeated else ""
        if heading == "Measures" and (table := measure_table([member.run.contents.results for member in members])):
            body += f"\n\n{table}"
        if body.strip():
            parts.append(f"**{heading}.** {body.strip()}")
    return "\n\n".join(parts) + "\n"


def _body(texts: Mapping[str, Sequence[Member]]) -> str:
    """The one text of all runs; else a line for each, with the configurations that it is of."""
    if len(texts) == 1:
        return next(iter(texts))
    told = Counter(name for members in texts.values() for name in {member.name for member in members})
    lines = [f"- {_named(members, told)}: {text}" for text, members in texts.items() if text]
    return "\n".join(["By configuration:\n", *lines]) if lines else ""


def _named(members: Sequence[Member], told: Mapping[str, int]) -> str:
    """Configurations; with its repeats, ``cunet (seed 0 and seed 2)``, one of which other runs have other texts."""
    repeats: dict[str, list[str]] = {}
    for member in members:
        repeats.setdefault(member.name, []).append(escape_text(member.repeat))
    names = [
        escape_text(name) + (f" ({join_words(found)})" if told[name] > 1 else "") for name, found in repeats.items()
    ]
    return join_words(names)


def references_text(text: str, runs: Iterable[DescribedRun]) -> str:
    """Entries of all that a text cites, by key; a comment for each source that has none.

    Args:
        text: As from :func:`methods_text`.
        runs: Those that it is of.
    """
    found = dict(read_bibliography())
    unknown: dict[str, str] = {}
    for run in runs:
        found |= run.citations.entries
        unknown |= {citation.key: citation.text for citation in run.citations.unknown.values()}
    missing = [
        f"% {printable(name)} ({key}) is named by a part of this experiment; segexp has no entry for it."
        for key, name in sorted(unknown.items())
    ]
    cited = set(re.findall(r"@([\w:-]+)", text))
    texts = [entry.text for key, entry in sorted(found.items()) if key in cited]
    return "\n\n".join([*(["\n".join(missing)] if missing else []), *texts]) + "\n"
