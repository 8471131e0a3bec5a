"""Kinds of broken data set, and the sound ones that they are made from."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from segexp.data.synthetic.generate import generate
from tests.data.broken_changes import (
    IMAGE,
    MASK,
    SIDE,
    Change,
    animation,
    as_jpeg,
    both,
    colours,
    copy_to,
    csv,
    cut,
    dangling,
    deep,
    edit,
    every,
    few,
    float_tile,
    grey_among_colour,
    key,
    own,
    photo,
    photometric_on_bands,
    put,
    remove,
    same_pixels,
    smooth,
    split_file,
    stack,
    stray,
    upper,
    wrong_palette,
)
from tests.data.made import read, write


@dataclass(frozen=True)
class Broken:
    """A way to break a data set.

    Attributes:
        data: Which one.
        kind: Kind of the problem that is found.
        subject: File or key that it names.
        reason: Words of its text.
        change: Breaks it.
    """

    data: str
    kind: str
    subject: str
    reason: str
    change: Change


# Name -> writes the sound data set, and the keys that read it.
SETS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "folder": (own, ("datamodule=folder", "datamodule.mask_values={0:ground,255:thing}")),
    "drive": (lambda root: generate("vessels", "drive", root, count=8, size=SIDE, seed=0), ("datamodule=drive",)),
    "inria": (
        lambda root: generate("buildings", "inria", root, count=10, size=SIDE, seed=0),
        ("datamodule=inria", "datamodule.split=holdout"),
    ),
    "cells": (
        lambda root: generate("cells", "cells", root, count=12, size=SIDE, seed=0),
        ("datamodule=cells", "datamodule.pad_to_crop=true", "loss=ce_dice"),
    ),
    "arrays": (lambda root: generate("buildings", "arrays", root, count=12, size=40, seed=0), ("datamodule=arrays",)),
    "salt": (lambda root: generate("buildings", "salt", root, count=12, size=40, seed=0), ("datamodule=salt",)),
}  # fmt: skip


BROKEN: dict[str, Broken] = {
    "missing mask": Broken("drive", "folders and files", "22_training.tif", "its vessels is missing, expected",
                           remove("training/1st_manual/22_manual1.gif")),
    "missing mask of a folder": Broken("folder", "folders and files", "train1.png", "mask", remove(MASK)),
    "extra mask": Broken("drive", "folders and files", "22_manual1.gif", "belongs to no image",
                         remove("training/images/22_training.tif")),
    "truncated PNG": Broken("folder", "unreadable files", "train1.png", "truncated", cut(IMAGE)),
    "truncated JPEG": Broken("folder", "unreadable files", "train1.png", "truncated", both(
        lambda root, _: Image.fromarray(photo(1)).save(root / IMAGE, format="JPEG"), cut(IMAGE))),
    "truncated TIFF": Broken("drive", "unreadable files", "22_training.tif", "truncated",
                             cut("training/images/22_training.tif")),
    "truncated GIF": Broken("drive", "unreadable files", "22_manual1.gif", "truncated",
                            cut("training/1st_manual/22_manual1.gif", 0.2)),
    "empty file": Broken("folder", "unreadable files", "train1.png", "it is empty", put(IMAGE, b"")),
    "text with the name of an image": Broken("folder", "unreadable files", "train1.png", "cannot be read as an image",
                                             put(IMAGE, b"<html>404 not found</html>")),
    "mask of another size": Broken("folder", "sizes", "train1.png", "40x48 pixels, but its image",
                                   edit(MASK, lambda pixels: pixels[:40])),
    "transposed mask": Broken("folder", "sizes", "train1.png", "48x40 pixels, but its image",
                              both(edit(IMAGE, lambda pixels: pixels[:40]), edit(MASK, lambda p: p[:40].T.copy()))),
    "value without a class": Broken("folder", "labels", "train1.png", "128:class_2", edit(MASK, stray(128))),
    "field of view of three values": Broken("drive", "labels", "22_training_mask.gif", "copy it again from its source",
                                            edit("training/mask/22_training_mask.gif", stray(9))),
    "anti-aliased mask": Broken("folder", "labels", "train1.png", "if they are smeared", edit(MASK, smooth)),
    "JPEG mask": Broken("folder", "labels", "train1.png", "fit no class", as_jpeg),
    "index without a class": Broken("folder", "labels", "train1.png", "mask values 2 fit no class", wrong_palette),
    "colour without a class": Broken("folder", "labels", "train1.png", "mask colours 0 0 255 fit no class", colours),
    "16-bit mask": Broken("folder", "labels", "train1.png", "mask values 51000 fit no class", deep),
    "floating-point image": Broken("inria", "unreadable files", ".tif", "float32", float_tile),
    "grey image among colour": Broken("folder", "channels and types", "train1.png", "1 channels of uint8, but 10 of 11",
                                      grey_among_colour),
    "16-bit image among 8-bit": Broken("folder", "channels and types", "train1.png", "of uint16, but 10 of 11",
                                       lambda root, _: cv2.imwrite(str(root / IMAGE), photo(1).astype(np.uint16) * 9)),
    "tile of one band": Broken("inria", "unreadable files", ".tif", "expected RGB of 8 bits",
                               lambda root, _: write(next(root.rglob("train/images/*.tif")), photo(1)[..., 0])),
    "coloured salt image": Broken("salt", "unreadable files", ".png", "a colour image, expected grey",
                                  lambda root, _: write(sorted(root.rglob("images/*.png"))[0], photo(1, 40, 40))),
    "same file in two parts": Broken("folder", "duplicates", "train1.png", "are the same image, byte for byte",
                                     copy_to(IMAGE, "test/images/test0.png")),
    "same pixels in two parts": Broken("folder", "duplicates", "train1.png", "hold the same pixels", same_pixels),
    "one image in training and test of DRIVE": Broken(
        "drive", "duplicates", "22_training.tif", "02_test.tif (test) are the same image",
        copy_to("training/images/22_training.tif", "test/images/02_test.tif")),
    "all masks ignored": Broken("folder", "classes", "train", "no pixel of its 6 images counts", both(
        key("ignored", [9]), every("*/masks/*.png", lambda pixels: np.full_like(pixels, 9)))),
    "class that training never shows": Broken("folder", "classes", "thing", "no pixel in any of the 6 training images",
                                              every("train/masks/*.png", np.zeros_like)),
    "one image": Broken("folder", "split", "", "leave none for", both(key("split", "holdout"), few)),
    "fold out of range": Broken("folder", "split", "datamodule.fold", "found 5, expected 0..4",
                                both(key("split", "kfold"), key("fold", 5))),
    "more folds than images": Broken("folder", "split", "datamodule.folds", "only 11 images",
                                     both(key("split", "kfold"), key("folds", 40))),
    "split with a name that is not there": Broken("folder", "split", "datamodule.split_file",
                                                  "names train9, which is not there",
                                                  split_file(train=["train0", "train9"])),
    "split with a name twice": Broken("folder", "split", "datamodule.split_file", "names train0 twice",
                                      split_file(val=["train0"])),
    "split with an empty part": Broken("folder", "split", "datamodule.split_file", 'under "val"', split_file(val=[])),
    "split that is no file": Broken("folder", "split", "datamodule.split_file", "no file",
                                    key("split_file", "nowhere/split.json")),
    "broken link": Broken("folder", "unreadable files", "train1.png", "", dangling),
    "folder instead of an image": Broken("drive", "unreadable files", "22_training.tif", "is a folder", both(
        remove("training/images/22_training.tif"),
        lambda root, _: (root / "training/images/22_training.tif").mkdir())),
    "no root": Broken("folder", "folders and files", "datamodule.root", "no folder",
                      lambda root, _: shutil.rmtree(root)),
    "root that holds nothing": Broken("folder", "folders and files", "datamodule.root", "holds no image files",
                                      lambda root, _: (shutil.rmtree(root), root.mkdir())),
    "no masks": Broken("drive", "folders and files", "22_training.tif", "its vessels is missing",
                       lambda root, _: shutil.rmtree(root / "training/1st_manual")),
    "no test folder": Broken("drive", "folders and files", "", "test: no such folder",
                             lambda root, _: shutil.rmtree(root / "test")),
    "name in capitals": Broken("drive", "folders and files", "22_manual1.gif", "belongs to no image", upper),
    "animated mask": Broken("drive", "unreadable files", "22_manual1.gif", "animation", animation),
    "image smaller than the crop": Broken("folder", "crops and batches", "datamodule.crop_size",
                                          "found 32, but train1 has 20x48 pixels", both(
                                              key("pad_to_crop", False), edit(IMAGE, lambda p: p[:20]),
                                              edit(MASK, lambda p: p[:20]))),
    "second header in a table": Broken("cells", "folders and files", "Class Labels of Dataset 1.csv, line 2",
                                       "expected an image number and a type", lambda root, _: csv(
                                           root, "image ID,class label\npicture,kind\n")),
    "type that does not exist": Broken("cells", "folders and files", "Class Labels of Dataset 1.csv, line 2",
                                       "found type 9, expected 1 to 5", lambda root, _: csv(root, "a,b\n999,9\n")),
    "cell without a type": Broken("cells", "folders and files", ".bmp", "no row for image", lambda root, _: (
        root / "Class Labels of Dataset 1.csv").write_text("image ID,class label\n")),
    "stray grey in a cell": Broken("cells", "labels", ".png", "datamodule.unknown_values=nearest",
        lambda root, _: write(
        sorted((root / "Dataset 1").glob("*.png"))[0],
        stray(77)(read(sorted((root / "Dataset 1").glob("*.png"))[0])))),
    "arrays of different number": Broken("arrays", "folders and files", "seg_training.npy", "the same N, H and W",
                                         stack("seg_training.npy", lambda array: array[:-2])),
    "array that is no stack": Broken("arrays", "folders and files", "images_training.npy", "",
                                     stack("images_training.npy", lambda array: array[0, 0])),
    "array of another type": Broken("arrays", "folders and files", "images_training.npy", "float64",
                                    stack("images_training.npy", lambda array: array.astype(np.float64))),
    "truncated array": Broken("arrays", "folders and files", "images_training.npy", "",
                              cut("images_training.npy")),
    "one-hot mask with two ones": Broken("arrays", "labels", "seg_training.npy", "", stack(
        "seg_training.npy", lambda array: np.where(np.arange(len(array))[:, None, None, None] == 1, 1, array))),
    "city that is not there": Broken("inria", "folders and files", "", "paris", key("cities", ["paris"])),
    "transform that the bands do not allow": Broken("folder", "augmentation", "augment.transforms",
                                                    "cannot change images of 6 channels", photometric_on_bands),
    "unknown class": Broken("folder", "crops and batches", "datamodule.positive_classes", "no class 'think'",
                            key("positive_classes", ["think"])),
}  # fmt: skip
