"""Builds the datamodule of a config with its augmentation, drawn files and split."""

import warnings
from pathlib import Path

from hydra.utils import get_class, instantiate

from segexp.config.batch_size import TRIAL, with_batch_size
from segexp.config.schema import ObjectConfig
from segexp.data.base import ImageDataModule
from segexp.data.synthetic.drawn_set import drawn_keys
from segexp.training.building.constructor_errors import naming_section
from segexp.training.checks.config_trials import expect
from segexp.training.resuming.run_split import split_of
from segexp.training.resuming.source import checkpoint_of

NO_AUGMENT: ObjectConfig = {"_target_": "segexp.data.sampling.augment.Augment"}
"""The block ``augment`` of images that nothing trains on."""


def build_datamodule(
    section: ObjectConfig, augment: ObjectConfig = NO_AUGMENT, resume: str | None = None
) -> ImageDataModule:
    """Builds a datamodule with its augmentation; reads no image yet.

    Args:
        section: The block ``datamodule``; a batch size of ``auto`` is a small one until it is found.
        augment: The block of that name.
        resume: Checkpoint, or folder of a run, whose split is taken; None: the data set's own rules deal the images.
    """
    with naming_section("augment"), warnings.catch_warnings():
        # albumentations only warns of an argument that it does not know, and goes on without it.
        warnings.filterwarnings("error", message=".*not valid for transform.*")
        transforms = instantiate(augment, _convert_="all")
    with naming_section("datamodule"):
        section = _with_drawn_files(with_batch_size(section, TRIAL))
        built: ImageDataModule = instantiate(section, augment=transforms, _convert_="all")
        expect(built, ImageDataModule, "datamodule", "a segexp.data.base.ImageDataModule")
    if (checkpoint := checkpoint_of(resume)) is not None and (split := split_of(Path(checkpoint))) is not None:
        built.keep_split(split)
    return built


def _with_drawn_files(section: ObjectConfig) -> ObjectConfig:
    """The block ``datamodule`` with the keys of drawn files, where it asks for such."""
    return section | drawn_keys(get_class(section["_target_"])) if section.get("generate") is True else section
