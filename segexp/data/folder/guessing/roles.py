"""What the names of folders say: images or masks, and which part of a split."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from segexp.data.file_kinds import file_ending
from segexp.data.folder.parts import PARTS
from segexp.data.folder.patterns import PART
from segexp.data.folder.tree import Tree

IMAGES = frozenset(
    "image images img imgs im ims jpegimages pngimages photo photos picture pictures rgb input inputs original "  # noqa: SIM905
    "originals leftimg8bit scan scans frame frames sat satellite imagestr".split()
)
MASKS = frozenset(
    "mask masks gt gts label labels lbl lbls annotation annotations annot annots anno annos ann seg segs "  # noqa: SIM905
    "segmentation segmentations segmentationclass groundtruth groundtruths truth target targets manual firstmanual "
    "secondmanual gtfine labelids labelstr matte mattes map maps".split()
)
REGIONS = frozenset("fov fovs roi rois".split())  # noqa: SIM905
"""Where pixels count, as the field of view of a camera: no labels, unless there are no others."""
PICTURES = frozenset(
    "viz vis visualization visualizations visualisation visualisations segmentationclassvisualization overlay "  # noqa: SIM905
    "overlays preview previews thumbnail thumbnails thumbs".split()
)
"""Labels drawn over images, for the eye."""
OBJECTS = frozenset("segmentationobject segmentationobjects instanceids instance instances".split())  # noqa: SIM905
"""Masks that number objects: neither images nor, beside others, the masks of classes."""
COLOURED = frozenset({"color", "colors", "colour", "colours"})
"""What the name of a mask has beside that of another one when it shows the same in colours, for the eye."""
ROLES = IMAGES | MASKS | REGIONS | PICTURES | OBJECTS
_JOINED = (
    (r"ground[ _-]?truth", "groundtruth"),
    (r"1st[ _-]?manual\d?", "firstmanual"),
    (r"2nd[ _-]?manual\d?", "secondmanual"),
    (r"\bmanual[ _-]?1(?!\d)|(?<=_)manual1(?!\d)|1st[ _-]?ho(?![a-z])", "firstmanual"),
    (r"\bmanual[ _-]?2(?!\d)|(?<=_)manual2(?!\d)|2nd[ _-]?ho(?![a-z])", "secondmanual"),
    (r"(observer|annotator|grader|rater|reader|expert)[ _-]?1(?!\d)", "firstmanual"),
    (r"(observer|annotator|grader|rater|reader|expert)[ _-]?[2-9](?!\d)", "secondmanual"),
    (r"fields?[ _-]?of[ _-]?view", "fov"),
    (r"regions?[ _-]?of[ _-]?interest", "roi"),
    (r"segmentation[ _-]?class(?!es)", "segmentationclass"),
    (r"(?<=\d)_lesion$", "_mask"),
    (r"train[ _-]?val(?![a-z])", "trainval"),
    (r"^(train|val|valid|test)(annot|masks?|labels?|images?|imgs?|crops?|20\d\d)$", r"\1_\2"),
)
_HUMPS = re.compile(r"(?<=[a-z])(?=(?:Mask|Label|Image|Annotation)s?(?![a-z]))")
"""Before the last word of ``leftMask`` and ``trainImages``."""
Role = Literal["image", "mask", "region", "picture", "objects", "other"]


@dataclass(frozen=True)
class File:
    """An image file.

    Attributes:
        path: Relative to the root.
        stem: Its name without ending; the name of its part, where it holds it, as ``{split}``.
        ending: What it ends with.
        inside: Part of the split and folders below the place: partners share them.
    """

    path: str
    stem: str
    ending: str
    inside: tuple[str, ...]


@dataclass
class FolderGroup:
    """Folders that differ only in the part of the split, or in what lies below the one that names the role.

    Attributes:
        names: Of the folders one below the other: ``{split}``, ``images``, ``{sub1}``.
        role: What they say.
        words: Words of the role among them.
        keys: Of each name what is left of it; see :attr:`key`.
        parts: Names of the parts of the split that it has.
        files: What lies in it.
    """

    names: tuple[str, ...]
    role: Role
    words: tuple[str, ...]
    keys: tuple[str, ...]
    parts: set[str] = field(default_factory=set)
    files: list[File] = field(default_factory=list)

    @property
    def text(self) -> str:
        """``{split}/images/{sub1}``."""
        return "/".join(self.names)

    @property
    def key(self) -> tuple[str, ...]:
        """Words of the names beside the role: images and masks of one key belong together."""
        return tuple(word for word in self.keys if word)

    @property
    def pattern(self) -> str:
        """The beginning of a pattern of its files."""
        return f"{self.text}/" if self.text else ""


def split_words(name: str) -> list[str]:
    """Words of a folder's or a file's name, in lower case."""
    text = _HUMPS.sub("_", name).lower()
    for form, word in _JOINED:
        text = re.sub(form, word, text)
    return [word for word in re.split(r"[\s_.-]+", text) if word]


def infer_role(words: Sequence[str]) -> Role:
    """Infers the role that words tell: ``label_images`` are masks, ``fov_masks`` and ``label_overlays`` are none."""
    if any(word in PICTURES for word in words):
        return "picture"
    if any(word in OBJECTS for word in words):
        return "objects"
    if any(word in REGIONS for word in words):
        return "region"
    if any(word in MASKS for word in words):
        return "mask"
    return "image" if any(word in IMAGES for word in words) else "other"


def group_folders(tree: Tree) -> list[FolderGroup]:
    """All places that hold image files."""
    folders: dict[PurePosixPath, list[str]] = defaultdict(list)
    for path in tree.images:
        folders[PurePosixPath(path).parent].append(path)
    # One part alone is no split: its folder is a folder like others.
    parts = {PARTS[word] for folder in folders for name in folder.parts for word in split_words(name) if word in PARTS}
    found: dict[str, FolderGroup] = {}
    for folder, paths in folders.items():
        place, part, below = _described(folder, split=len(parts) > 1)
        place = found.setdefault(place.text, place)
        if part:
            place.parts.add(part)
        inside = (part, *below)
        place.files += [File(p, _stem(p, part), file_ending(p), inside) for p in paths]
    return list(found.values())


def _stem(path: str, part: str) -> str:
    """``21_training`` as ``21_{split}``: the name of the part in a file's name says nothing of its own."""
    stem = PurePosixPath(path).stem
    return re.sub(rf"(?<![a-zA-Z]){re.escape(part)}(?![a-zA-Z])", f"{{{PART}}}", stem) if part else stem


def _as_written(part: str, name: str) -> str:
    """Gives the word of a part as a folder's name has it: ``train_val`` for ``trainval``."""
    found = re.search("[ _-]?".join(("train", "val")) if part == "trainval" else re.escape(part), name, re.IGNORECASE)
    return found[0] if found else ""


def _described(folder: PurePosixPath, *, split: bool) -> tuple[FolderGroup, str, tuple[str, ...]]:
    """Place of a folder, the name of its part, and the folders below the one that names its role."""
    words = [split_words(name) for name in folder.parts]
    roles = [infer_role(own) for own in words]
    last = max((place for place, role in enumerate(roles) if role != "other"), default=-1)
    part = ""
    names, keys, below = [], [], []
    for place, (whole, own) in enumerate(zip(folder.parts, words, strict=True)):
        name = whole
        known = next((word for word in own if word in PARTS), "") if split else ""
        written = _as_written(known, whole) if known else ""
        # Below the first, the same name again (traincrop/traincrop) is the same part.
        if part and (written != part or place > last >= 0):
            known = ""
        if known:
            part = written
            name = whole.replace(written, f"{{{PART}}}", 1)
        elif place > last >= 0:
            below.append(whole)
            name = f"{{sub{len(below)}}}"
        names.append(name)
        if known or not place > last >= 0:
            left = [f"{{{PART}}}" if word == known else word for word in own if word not in ROLES]
            keys.append("_".join(left))
        else:
            keys.append("")
    role_words = tuple(word for word in words[last] if word in ROLES) if last >= 0 else ()
    role = roles[last] if last >= 0 else "other"
    return FolderGroup(tuple(names), role, role_words, tuple(keys)), part, tuple(below)
