"""Every line that a message proposes is pasted: it is accepted, or leads to another question, never to the same."""

import re
import shlex
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from segexp.config.overrides.quoting import quote_patterns
from segexp.data.checks.review import review_data
from segexp.data.folder import FolderDataModule
from tests.data.folder.parts import NAMES, blocks, pairs, photo
from tests.data.made import write

PATIENTS = [f"P_{number:02d}" for number in range(5)]


def proposed(text: str) -> list[list[str]]:
    """The words of each line, or part of a line, to be added to a command."""
    found = []
    for line in text.splitlines():
        start = re.search(r"'?datamodule\.[a-z_]+=", line)
        if start is None:
            continue
        lexer = shlex.shlex(line[start.start() :], posix=True, punctuation_chars=";")
        lexer.whitespace_split, lexer.commenters = True, ""
        words = []
        for word in lexer:
            if not re.match(r"datamodule\.[a-z_]+=", word):
                break
            words.append(word.rstrip(",") if word.endswith((",", ";")) else word)
        found.append(words)
    return found


def keys_of(words: list[str]) -> dict[str, Any]:
    """As the command line takes them from a shell."""
    quoted = quote_patterns(["datamodule=folder", *words])[1:]
    parsed = OverridesParser.create().parse_overrides(quoted)
    return {override.key_or_group.removeprefix("datamodule."): override.value() for override in parsed}


def problems(root: Path, **keys: Any) -> list[str]:
    """What check says against a folder."""
    found = review_data(FolderDataModule(str(root), **keys), full=True, progress=lambda results, total, what: results)
    return [problem.text for problem in found.problems if problem.fatal]


def patients(root: Path, names: Sequence[str] = PATIENTS) -> None:
    for patient in names:
        for number in range(3):
            write(root / f"{patient}/{patient}_{number}.tif", photo(zlib.crc32(f"{patient}{number}".encode())))
            write(root / f"{patient}/{patient}_{number}_mask.tif", blocks((0, 255)))


def two_observers(root: Path) -> None:
    pairs(root, "stare images/{}.png", "labels-ah/{}.ah.png")
    for name in NAMES:
        write(root / f"labels-vk/{name}.vk.png", blocks((0, 255)))


def observers_beside(root: Path) -> None:
    pairs(root, "{}.jpg", "{}_1stHO.png")
    for name in NAMES:
        write(root / f"{name}_2ndHO.png", blocks((0, 255)))


def two_sets(root: Path) -> None:
    pairs(root, "l'été, 1 [a]/images/{}.png", "l'été, 1 [a]/masks/{}.png")
    pairs(root, "set=2 (b)/images/{}.png", "set=2 (b)/masks/{}.png")


def few_masks(root: Path) -> None:
    pairs(root, "photos/{}.jpg", "labels/{}.png")
    for number in range(9):
        write(root / f"photos/x{number}.jpg", photo(100 + number))


def numbered(root: Path) -> None:
    for place, name in enumerate(NAMES):
        write(root / f"{name}.png", photo(place))
        mask = np.zeros((40, 44), np.uint16)
        for number in range(5):
            mask[8 * number : 8 * number + 5, 4:30] = 40 * place + number + 1
        write(root / f"{name}_cp_masks.tif", mask)
        np.save(root / f"{name}_seg.npy", np.array({"masks": mask}, dtype=object), allow_pickle=True)


def smeared(root: Path) -> None:
    pairs(root)
    for name in NAMES:
        mask = blocks((0, 255))
        mask[19:21] = np.arange(44) * 5 + 9
        write(root / f"masks/{name}.png", mask)


def void(root: Path) -> None:
    pairs(root, values=(0, 1, 2, 255))


def slip(root: Path) -> None:
    pairs(root)
    mask = blocks((0, 255))
    mask[0, 0] = 7
    write(root / "masks/a1.png", mask)


def stray_later(root: Path) -> None:
    """Named classes, and a value that is none of them."""
    pairs(root, values=(0, 1, 2))


CASES: dict[str, tuple[Callable[[Path], None], dict[str, Any], int]] = {
    "two observers": (two_observers, {}, 2),
    "observers beside images": (observers_beside, {}, 2),
    "two data sets, odd names": (two_sets, {}, 3),
    "two patients": (lambda root: patients(root, names=PATIENTS[:2]), {}, 3),
    "few masks": (few_masks, {}, 1),
    "numbered objects": (numbered, {}, 2),
    "smeared": (smeared, {}, 2),
    "void": (void, {}, 2),
    "slip": (slip, {}, 2),
    "stray": (stray_later, {"mask_values": {0: "l'œil gauche", 1: "a b"}}, 2),
    "names without colours": (stray_later, {"classes": ["a", "b"]}, 1),
    "jpeg": (lambda root: pairs(root, mask="masks/{}.jpg", values=(0, 255)), {}, 1),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_every_proposed_line_works(case: str, tmp_path: Path) -> None:
    make, keys, least = CASES[case]
    make(tmp_path)
    first = problems(tmp_path, **keys)
    lines = proposed("\n".join(first))
    assert len(lines) >= least
    for words in lines:
        again = problems(tmp_path, **{**keys, **keys_of(words)})
        assert not set(again) & set(first), words


@pytest.mark.parametrize("root", ["a b", "l'œil #1", "x,y=[z]", "back\\slash $HOME `x`", 'say "hi"'])
def test_what_was_guessed_may_be_pasted(root: str, tmp_path: Path) -> None:
    """Also names of folders that a shell or Hydra would read otherwise."""
    folder = tmp_path / root
    pairs(folder, f"{root}/images/{{}}.png", f"{root}/masks/{{}}.png")
    data = FolderDataModule(str(folder))
    data.setup()
    note = next(note for note in data.notes if note.startswith("to fix what was guessed, add: "))
    (words,) = proposed(note)
    again = FolderDataModule(str(folder), **keys_of(words))
    again.setup()
    assert not any("guessed" in note for note in again.notes)
    assert [item.name for item in again.items("train")] == [item.name for item in data.items("train")]
