"""Flags with which a config is shown, or Hydra tells of itself, and nothing is run."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from omegaconf import Container, DictConfig, OmegaConf, open_dict, read_write

from segexp.cli.flags import Flags
from segexp.config.checks.suggest import did_you_mean
from segexp.config.overrides.comments import comments_of, with_comments
from segexp.config.paths import conf_dir
from segexp.errors import ConfigError
from segexp.system.signals import interrupt_held

_WHOLE = ("", "_global_")
_PAGES = ("help", "hydra_help")
"""Long texts in the block ``hydra``, which ``--cfg hydra`` leaves out."""


def show(name: str, flags: Flags) -> None:
    """Prints a composed config as YAML, whole or a block of it: ``--cfg``.

    Args:
        name: Primary config; to be called where Hydra composes.
        flags: Of the command line.

    Raises:
        ConfigError: There is no such block.
    """
    with interrupt_held():
        config = compose(name, flags.overrides, return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    comments = _comments(config, name) if flags.comments else {}
    shown = _part(config, flags)
    if not isinstance(shown, Container):
        sys.stdout.write(f"{shown}\n")
        return
    if flags.resolve:
        OmegaConf.resolve(shown)
    text = OmegaConf.to_yaml(shown)
    if flags.comments:
        text = with_comments(text, comments, "" if (flags.package or "") in _WHOLE else str(flags.package))
    head = "" if (flags.package or "") in _WHOLE else f"# @package {flags.package}\n"
    sys.stdout.write(head + text)


def _comments(config: DictConfig, name: str) -> dict[str, str]:
    """The comments in all folders where Hydra has looked."""
    folders = [Path(each.path) for each in config.hydra.runtime.config_sources if each.schema == "file"]
    choices = {str(group): str(option) for group, option in config.hydra.runtime.choices.items()}
    return comments_of(choices, name, {str(key): None for key in config}, folders)


def _part(config: DictConfig, flags: Flags) -> object:
    """What is asked for: the config of the job, Hydra's own or both, or a block or value in it."""
    with read_write(config), open_dict(config), read_write(config.hydra), open_dict(config.hydra):
        if flags.cfg == "job":
            del config["hydra"]
        elif flags.cfg == "hydra":
            config = OmegaConf.masked_copy(config, ["hydra"])
            for page in _PAGES:
                del config["hydra"][page]
    if (flags.package or "") in _WHOLE:
        return config
    found = OmegaConf.select(config, str(flags.package))
    if found is None:
        hint = did_you_mean(str(flags.package), map(str, config))
        raise ConfigError(f"--package: found no block {flags.package}.{hint}")
    return found


def answer(name: str, arguments: list[str]) -> None:
    """Lets Hydra answer ``--info``, ``--hydra-help`` and ``--shell-completion``, for which it has no function.

    Args:
        name: Primary config of the command.
        arguments: Flags first, then overrides.
    """
    import hydra

    # Hydra prints and exits by itself unless this is set; with it the exception reaches us.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    sys.argv = [sys.argv[0], *arguments]
    with _any_help():
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=name)(_nothing)()


def _nothing(config: DictConfig) -> None: ...


@contextmanager
def _any_help() -> Iterator[None]:
    """From Python 3.14 on argparse reads the text of an option at once, and that of Hydra's completion is no text.

    https://github.com/facebookresearch/hydra/issues/3121; to be taken away when a released Hydra starts there.
    """
    checks = argparse.ArgumentParser.__dict__.get("_check_help")
    if not hasattr(argparse.ArgumentParser, "_check_help"):
        yield
        return
    argparse.ArgumentParser._check_help = lambda *_: None
    try:
        yield
    finally:
        if checks is None:
            del argparse.ArgumentParser._check_help
        else:
            argparse.ArgumentParser._check_help = checks
