"""Turns what a constructor refuses into an error of the config that names section and key."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from torch import nn

from segexp.errors import ConfigError, SegexpError
from segexp.training.checks.config_trials import told


@contextmanager
def naming_section(section: str, settings: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Turns whatever a constructor raises into an error of the config that names the section.

    Args:
        section: Its dotted path.
        settings: Its keys, to find the one that is at fault.
    """
    try:
        yield
    except SegexpError:
        raise
    except InstantiationException as error:
        cause = error.__cause__ or error
        if isinstance(cause, SegexpError):
            raise cause from error
        raise ConfigError(f"{_at_fault(section, settings)}: {_cause(cause)}") from error
    except Exception as error:
        raise ConfigError(f"{_at_fault(section, settings)}: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    """What a constructor raised, in one line; of an error that no constructor raises on purpose, how to see where."""
    expected = isinstance(error, TypeError | ValueError | UserWarning | ImportError)
    return joined_lines(error) if expected else f"{told(error)}; debug=true shows where"


def _at_fault(section: str, settings: Mapping[str, Any] | None) -> str:
    """The section, or the one key of it without which its class would be built, with the value that was found."""
    keys = [key for key in settings or {} if not key.startswith("_")]
    for key in keys:
        rest = {name: value for name, value in (settings or {}).items() if name != key}
        try:
            if section == "optimizer":
                instantiate(rest, _partial_=True, _convert_="all")([nn.Parameter(torch.zeros(1, 1))])
            elif section == "scheduler":
                optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1, 1))], lr=0.1, momentum=0.9)
                instantiate(rest, _partial_=True, _convert_="all")(optimizer)
            else:
                instantiate(rest, _convert_="all")
        except Exception:  # another key is at fault, or this one must be given
            continue
        return f"{section}.{key}: found {(settings or {})[key]!r}"
    values = [f"{key} {(settings or {})[key]}" for key in keys if isinstance((settings or {})[key], int | float)]
    return f"{section} ({', '.join(values)})" if values else section


def joined_lines(error: BaseException) -> str:
    """Joins all lines of an error into one; gives the name of its class where it has no text."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return " ".join(lines) if lines else type(error).__name__
