"""Mask values, names, ignored values and colours: given, guessed, refused."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segexp.data.checks.review import review_data
from segexp.data.folder import FolderDataModule
from segexp.data.folder.masks.classes import LabelKeys, resolve_labels
from segexp.data.folder.masks.palette import choose_class_colours, name_colour, parse_colour
from segexp.data.folder.masks.sample import MASKS, MaskSample, sample_masks, take_evenly
from segexp.errors import ConfigError, DataError, TooFewError
from segexp.spec import IGNORED
from tests.data.folder.parts import NAMES, blocks, everything, guessed, pairs, photo
from tests.data.made import write


def sample(values: Mapping[int, int], nodata: int | None = None, lossy: bool = False) -> MaskSample:
    return MaskSample({(v,): n for v, n in values.items()}, False, {}, {}, nodata, 3, 9, lossy)


def unseen() -> MaskSample:
    pytest.fail("looked at masks")


@pytest.mark.parametrize(
    ("keys", "names", "values"),
    [
        ({"mask_values": {0: "ground", 255: "road"}}, ("ground", "road"), {0: 0, 255: 1}),
        ({"mask_values": {255: "road", 0: "ground"}}, ("road", "ground"), {0: 1, 255: 0}),
        ({"mask_values": {0: "a", 1: "b", 2: "a"}}, ("a", "b"), {0: 0, 1: 1, 2: 0}),
        ({"mask_values": {0: 0, 255: 1}}, ("class_0", "class_1"), {0: 0, 255: 1}),
        ({"mask_values": {0: 0, 255: 1}, "classes": ["a", "b"]}, ("a", "b"), {0: 0, 255: 1}),
        ({"mask_values": {0: "b", 7: 0}, "classes": ["a", "b"]}, ("a", "b"), {0: 1, 7: 0}),
        ({"mask_values": {0: "a", 1: "b", 9: "ignored"}}, ("a", "b"), {0: 0, 1: 1, 9: IGNORED}),
        ({"mask_values": {0: 0, 1: 1, 9: 255}}, ("class_0", "class_1"), {0: 0, 1: 1, 9: IGNORED}),
        ({"mask_values": {0: "a", 1: "b"}, "ignored": (255,)}, ("a", "b"), {0: 0, 1: 1, 255: IGNORED}),
        ({"mask_values": {"#000000": "a", "255 0 0": "b"}}, ("a", "b"), {"#000000": 0, "255 0 0": 1}),
    ],
)
def test_given_values_need_no_look_at_masks(keys: Any, names: tuple[str, ...], values: Any) -> None:
    labels = resolve_labels(LabelKeys(**keys), unseen)
    assert (labels.names, labels.values) == (names, values)
    assert (labels.guessed, labels.notes) == ({}, ())
    assert labels.colours == tuple(choose_class_colours(len(names)))


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"mask_values": {0: "a", 1: 1}}, r"mask_values: found names \(a\) beside numbers \(1\)"),
        ({"mask_values": {0: "a"}}, r"classes: found \['a'\], expected two or more"),
        ({"mask_values": {0: "a", 1: "b"}, "classes": ["a", "c"]}, r"mask_values: there is no class 'b'"),
        ({"mask_values": {0: "road", 1: "raod"}, "classes": ["road", "b"]}, r"Did you mean 'road'\?"),
        ({"mask_values": {0: "a", 1: "b"}, "classes": ["a", "b", "c"]}, r"no value stands for c"),
        ({"mask_values": {0: 0, 1: 2}, "classes": ["a", "b"]}, r"found class 2, expected 0\.\.1"),
        ({"mask_values": {0: "a", 1: "b"}, "ignored": (1,)}, r"ignored: 1 is a class in datamodule\.mask_values"),
        ({"mask_values": {0: "a", 1: "b/c"}}, r"classes: found 'b/c', expected names without /"),
        ({"mask_values": {0: 0, 1: 1}, "classes": ["a", "a"]}, r"expected two or more different names"),
        ({"mask_values": {0: "a", 1: "b"}, "colours": {"c": "red"}}, r"colours: there is no class 'c'"),
        ({"mask_values": {0: "a", 1: "b"}, "colours": ["red"]}, r"colours: found 1, expected one for each of a, b"),
        ({"mask_values": {0: "a", 1: "b"}, "colours": ["red", "rde"]}, r"found 'rde', expected a colour"),
    ],
)
def test_keys_that_contradict_each_other(keys: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        resolve_labels(LabelKeys(**keys), unseen)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({0: 5, 255: 5}, {0: "background", 255: "foreground"}),
        ({0: 5, 1: 5}, {0: "background", 1: "foreground"}),
        ({0: 5, 128: 5, 255: 5}, {0: "class_0", 128: "class_1", 255: "class_2"}),
        ({0: 5, 1: 5, 2: 5}, {0: "class_0", 1: "class_1", 2: "class_2"}),
        # Few pixels of some class, many of others.
        ({0: 900, 1: 9, 2: 9, 3: 900}, {0: "class_0", 1: "class_1", 2: "class_2", 3: "class_3"}),
        ({10: 5, 20: 5}, {10: "class_0", 20: "class_1"}),
        (dict.fromkeys(range(16), 5), {value: f"class_{value}" for value in range(16)}),
    ],
)
def test_values_that_are_guessed(found: dict[int, int], expected: dict[int, str]) -> None:
    labels = resolve_labels(LabelKeys(), lambda: sample(found))
    assert labels.guessed == {"mask_values": expected}
    assert labels.values == {value: number for number, value in enumerate(expected)}
    assert len(labels.notes) == 1
    assert labels.notes[0].startswith("guessed from mask values: ")
    assert "3 of 9 masks that were looked at hold" in labels.notes[0]


@pytest.mark.parametrize(
    ("found", "classes", "values"),
    [
        ({0: 5, 255: 5}, ["ground", "road"], {0: 0, 255: 1}),
        ({0: 5, 1: 5}, ["ground", "road"], {0: 0, 1: 1}),
        # Class 2 is in no mask that was looked at.
        ({0: 5, 1: 5}, ["ground", "road", "tree"], {0: 0, 1: 1, 2: 2}),
        ({0: 5, 128: 5, 255: 5}, ["a", "b", "c"], {0: 0, 128: 1, 255: 2}),
    ],
)
def test_names_alone(found: dict[int, int], classes: list[str], values: dict[int, int]) -> None:
    labels = resolve_labels(LabelKeys(classes=classes), lambda: sample(found))
    assert (labels.names, labels.values) == (tuple(classes), values)
    assert labels.guessed == {"mask_values": {value: classes[number] for value, number in values.items()}}


@pytest.mark.parametrize("ignored", [(255,), ("255",)])
def test_ignored_values_are_no_classes(ignored: Sequence[Any]) -> None:
    labels = resolve_labels(LabelKeys(ignored=ignored), lambda: sample({0: 5, 1: 5, 255: 5}))
    assert labels.names == ("background", "foreground")
    assert labels.values == {0: 0, 1: 1, ignored[0]: IGNORED}


@pytest.mark.parametrize(
    ("keys", "seen", "words"),
    [
        ({}, {0: 5, 1: 5, 255: 5}, r"is 255 a class, or what was not labelled \(the others count classes\)"),
        (
            {},
            {1: 5, 255: 5},
            r"\n  'datamodule\.ignored=\[255\]'\n  'datamodule\.mask_values=\{1:class_0,255:class_1\}'",
        ),
        ({}, {0: 9}, r"hold no two values; say what values mean, for example 'datamodule\.mask_values=\{0:backg"),
        (
            {},
            dict.fromkeys(range(0, 51, 3), 1),
            r"these 17 values may not all be classes; were they resized, or do they",
        ),
        ({}, dict.fromkeys(range(0, 51, 3), 1), r"if each is a class: 'datamodule\.mask_values=\{0:class_0,3:class_1"),
        (
            {},
            dict.fromkeys(range(256), 1),
            r"'datamodule\.mask_values=\{0:background,255:foreground\}' datamodule\.unknown_values=n",
        ),
        ({}, {0: 900, 64: 9, 128: 9, 255: 900}, r"these 4 values may not all be classes; were they resized"),
        ({"classes": ["a", "b"]}, {0: 1, 1: 1, 2: 1}, r"they do not fit the 2 names .*\{0:a,1:b,2:ignored\}"),
        ({"classes": ["a", "b", "c"]}, {0: 1, 255: 1}, r"they do not fit the 3 names"),
    ],
)
def test_values_that_are_refused(keys: Any, seen: dict[int, int], words: str) -> None:
    with pytest.raises(DataError, match=words):
        resolve_labels(LabelKeys(**keys), lambda: sample(seen))


def test_number_for_missing_pixels_is_a_question() -> None:
    with pytest.raises(DataError, match=r"is 0 a class, or what was not labelled \(it marks missing pixels in these f"):
        resolve_labels(LabelKeys(), lambda: sample({0: 5, 1: 5, 2: 5}, nodata=0))
    labels = resolve_labels(LabelKeys(ignored=(0,)), lambda: sample({0: 5, 1: 5, 2: 5}, nodata=0))
    assert labels.values == {0: IGNORED, 1: 0, 2: 1}


def test_jpeg_masks_are_told_so() -> None:
    with pytest.raises(DataError, match="they are JPEG, which smears values: copy them again as PNG"):
        resolve_labels(LabelKeys(), lambda: sample(dict.fromkeys(range(40), 1), lossy=True))
    with pytest.raises(DataError, match="they are JPEG"):
        resolve_labels(LabelKeys(), lambda: sample({0: 100, 3: 1, 255: 100}, lossy=True))
    assert resolve_labels(LabelKeys(), lambda: sample({0: 5, 255: 5}, lossy=True)).names[1] == "foreground"


def test_which_of_two_colours_is_which_is_a_question() -> None:
    colours = MaskSample({(0, 0, 255): 4, (255, 0, 0): 5}, True, {}, {}, None, 3, 3, False)
    with pytest.raises(DataError, match=r"which of their colours is which class is open.*\{0 0 255:a,255 0 0:b\}"):
        resolve_labels(LabelKeys(classes=["a", "b"]), lambda: colours)
    black = MaskSample({(0, 0, 0): 4, (255, 0, 0): 5}, True, {}, {}, None, 3, 3, False)
    labels = resolve_labels(LabelKeys(classes=["a", "b"]), lambda: black)
    assert labels.values == {"0 0 0": 0, "255 0 0": 1}


def test_colours_of_classes() -> None:
    assert [parse_colour(text, "k") for text in ("#ff8000", "255 128 0", "255,128,0", "lime")] == [
        (255, 128, 0),
        (255, 128, 0),
        (255, 128, 0),
        (0, 255, 0),
    ]
    assert (name_colour((128, 0, 0)), name_colour((1, 2, 3))) == ("maroon", "colour_1_2_3")
    assert len(set(choose_class_colours(254))) == 254
    keys = LabelKeys({0: "a", 1: "b", 2: "c"}, colours={"b": "red"})
    assert resolve_labels(keys, unseen).colours == (choose_class_colours(3)[0], (255, 0, 0), choose_class_colours(3)[2])
    keys = LabelKeys({0: "a", 1: "b"}, colours=["#000000", "#ffffff"])
    assert resolve_labels(keys, unseen).colours == ((0, 0, 0), (255, 255, 255))


def test_no_more_than_a_sample_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / f"{number:05d}.png" for number in range(10_000)]
    for path in take_evenly(paths, MASKS):
        write(path, blocks((0, 7), 4, 4))
    found = sample_masks(paths)
    assert (found.looked_at, found.of, found.counts) == (50, 10_000, {(0,): 400, (7,): 400})
    monkeypatch.setattr("segexp.data.folder.masks.sample.PIXELS", 100)
    assert sample_masks(paths).looked_at == 6


def test_a_few_pixels_of_another_value_are_a_question(tmp_path: Path) -> None:
    """One slip of the pen must not make three classes of two; the mask that holds it is named."""
    pairs(tmp_path, values=(0, 1))
    mask = blocks((0, 1), 400, 440)
    mask[7, 9] = 2
    write(tmp_path / "masks/c3.png", mask)
    write(tmp_path / "images/c3.png", photo(3, 400, 440))
    with pytest.raises(DataError) as caught:
        FolderDataModule(str(tmp_path)).setup()
    text = str(caught.value)
    assert "2: 1 pixels in 1 mask (c3.png)" in text
    lines = text.splitlines()
    assert (
        lines[1]
        == "  a mistake: 'datamodule.mask_values={0:background,1:foreground}' datamodule.unknown_values=nearest"
    )
    assert lines[2] == "  a class: 'datamodule.mask_values={0:class_0,1:class_1,2:class_2}'"
    data = FolderDataModule(str(tmp_path), mask_values={0: "background", 1: "foreground"}, unknown_values="nearest")
    data.setup()
    assert data.spec.classes == ("background", "foreground")


def test_masks_unlike_the_rest_are_named_beside_all_that_headers_tell(tmp_path: Path) -> None:
    """One resized mask leaves the classes open; which one it is, and what else is amiss, is said at once."""
    pairs(tmp_path)
    ramp = np.linspace(0, 255, 40 * 44).reshape(40, 44).astype(np.uint8)
    write(tmp_path / "masks/b2.png", ramp)
    slip = blocks((0, 255))
    slip[3, 5] = 17
    write(tmp_path / "masks/c3.png", slip)
    write(tmp_path / "masks/d4.png", blocks((0, 255), 20, 22))
    (tmp_path / "images/e5.png").write_bytes(b"no image")
    (tmp_path / "masks/f6.png").unlink()
    with pytest.raises(DataError) as caught:
        FolderDataModule(str(tmp_path)).setup()
    text = str(caught.value)
    assert "these 256 values may not all be classes" in text
    assert "4 of the 6 masks hold 0, 255 alone; unlike them are b2.png (254 other values), c3.png (17)" in text
    assert "masks/d4.png: 20x22 pixels, but its image" in text
    assert "images/e5.png: " in text
    assert text.count("f6") >= 1
    problems = FolderDataModule(str(tmp_path)).find().problems
    assert sorted({problem.kind for problem in problems}) == ["folders and files", "sizes", "unreadable files"]
    assert len({problem.text for problem in problems}) == len(problems)


def test_masks_that_are_all_smeared_are_not_told_apart() -> None:
    every = [Path(f"{name}.png") for name in "abc"]
    with pytest.raises(DataError) as caught:
        resolve_labels(
            LabelKeys(),
            lambda: replace(
                sample(dict.fromkeys(range(40), 1)), holders=dict.fromkeys(((v,) for v in range(40)), every)
            ),
        )
    assert "unlike" not in str(caught.value)


def test_further_masks_are_looked_at_while_all_hold_one_value(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number:03d}.png" for number in range(100)]
    for number, path in enumerate(paths):
        write(path, blocks((0, 7) if number % 2 else (0,), 4, 4))
    found = sample_masks(paths)
    assert (found.looked_at, sorted(found.counts)) == (100, [(0,), (7,)])


def test_unreadable_masks_of_the_sample_are_passed_over(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    write(paths[1], blocks((0, 7), 4, 4))
    paths[0].write_bytes(b"no image")
    assert sample_masks(paths).looked_at == 1
    with pytest.raises(DataError, match=r"0\.png: cannot be read"):
        sample_masks(paths[:1])


def test_a_value_that_the_sample_did_not_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segexp.data.folder.masks.sample.MASKS", 3)
    pairs(tmp_path, values=(0, 1))
    write(tmp_path / "masks" / "b2.png", blocks((0, 1, 2)))
    with pytest.raises(DataError) as caught:
        FolderDataModule(str(tmp_path)).setup()
    line = "if they are classes: datamodule.mask_values='{0:background,1:foreground,2:class_2}'; if they are smeared: "
    assert f"masks/b2.png: mask values 2 fit no class (legal: 0, 1); {line}datamodule.unknown_values=nearest" in str(
        caught.value
    )


def test_stray_values_are_mapped_on_request_and_counted(tmp_path: Path) -> None:
    pairs(tmp_path)
    smeared = blocks((0, 255))
    smeared[3, :5] = (1, 2, 100, 127, 128)
    write(tmp_path / "masks" / "c3.png", smeared)
    keys: dict[str, Any] = {"mask_values": {0: "ground", 255: "road"}}
    with pytest.raises(DataError, match=r"masks/c3\.png: mask values 1, 2, 100, 127, 128 fit no class"):
        FolderDataModule(str(tmp_path), **keys).setup()
    for cache in ("ram", "disk", "none"):
        data = FolderDataModule(str(tmp_path), **keys, unknown_values="nearest", cache=cache)
        assert everything(data)["c3"].target[3, :6].tolist() == [0, 0, 0, 0, 1, 0]
        # Also when the file was looked at in an earlier run.
        assert any(
            "unknown_values=nearest: 5 pixels of 1 masks" in note and "c3.png (5)" in note for note in data.notes
        )


def test_jpeg_masks_train_when_asked(tmp_path: Path) -> None:
    for seed, name in enumerate(NAMES):
        write(tmp_path / "images" / f"{name}.png", photo(seed))
        write(tmp_path / "masks" / f"{name}.jpg", blocks((0, 255, 0)))
    with pytest.raises(DataError, match="they are JPEG"):
        FolderDataModule(str(tmp_path)).setup()
    data = FolderDataModule(str(tmp_path), mask_values={0: "a", 255: "b"}, unknown_values="nearest")
    assert np.mean(everything(data)["a1"].target == blocks((0, 1, 0))) > 0.95


def test_what_is_guessed_can_be_given_and_changes_nothing(tmp_path: Path) -> None:
    pairs(tmp_path, "images/{}.png", "masks/{}_m.png", values=(0, 128, 255))
    settled = guessed(tmp_path)
    again = FolderDataModule(str(tmp_path), **settled)
    again.setup()
    assert again.settled() == {}
    assert not any("guess" in note for note in again.notes)
    first = FolderDataModule(str(tmp_path))
    assert again.spec == first.spec
    assert (again.crop_size, again.crops_per_image, again.split) == (
        first.crop_size,
        first.crops_per_image,
        first.split,
    )
    for name, item in everything(again).items():
        assert np.array_equal(item.target, everything(first)[name].target)


def test_a_class_that_a_part_does_not_show_is_told(tmp_path: Path) -> None:
    """By training in its notes, and by the check; nothing is refused."""
    for number, name in enumerate(("a", "b", "c", "d")):
        write(tmp_path / "images" / f"{name}.png", photo(number))
        write(tmp_path / "masks" / f"{name}.png", blocks((0, 255) if name in "ad" else (0,)))
    split = {"train": ["a", "b"], "val": ["c"], "test": ["d"]}
    (tmp_path / "split.json").write_text(json.dumps(split))
    keys: dict[str, Any] = {"mask_values": {0: "skin", 255: "mole"}, "split_file": str(tmp_path / "split.json")}
    told = "validation: no pixel of mole in any of its 1 images, so that checkpoint and threshold are chosen without"
    data = FolderDataModule(str(tmp_path), **keys)
    data.setup()
    assert next(note for note in data.notes if "no pixel of" in note).startswith(told)
    assert not any(note.startswith("test: ") for note in data.notes)
    found = review_data(
        FolderDataModule(str(tmp_path), **keys), full=True, progress=lambda results, total, what: results
    )
    (problem,) = [problem for problem in found.problems if problem.kind == "classes"]
    assert problem.text.startswith(told)
    assert not problem.fatal
    (tmp_path / "split.json").write_text(json.dumps({"train": ["a", "b"], "val": ["d"], "test": ["c"]}))
    data = FolderDataModule(str(tmp_path), **keys)
    data.setup()
    assert any(
        "test: no pixel of mole in any of its 1 images, so that the figures say nothing" in n for n in data.notes
    )


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_images_are_told_how_many_it_takes(tmp_path: Path, count: int) -> None:
    pairs(tmp_path, names=NAMES[:count])
    with pytest.raises(TooFewError, match="training, validation and test take one each, 3 at the least"):
        FolderDataModule(str(tmp_path)).setup()
    pairs(tmp_path, names=NAMES[:3])
    FolderDataModule(str(tmp_path)).setup()
