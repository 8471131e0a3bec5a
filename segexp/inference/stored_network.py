"""The network of a checkpoint of any task, built from what the file holds alone."""

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from hydra.utils import get_class
from torch import nn

from segexp.config.experiment import RunConfig
from segexp.config.migration import migration_note
from segexp.config.stored.check import check_stored
from segexp.errors import DataError, ResourceError, SegexpError, one_line
from segexp.inference.stored_weights import load_network_weights, network_weights, refuse_mismatch
from segexp.runs.archive import check_archive
from segexp.runs.checkpoints import Source
from segexp.runs.console import LOG
from segexp.runs.pickled.torch_file import why_unreadable
from segexp.runs.stored_record import refuse_stranger, stored_config
from segexp.spec import DataSpec, Target
from segexp.system.causes import cause_of, describe_cause
from segexp.training.building.model import build_model


class StoredNetwork(NamedTuple):
    """The network of one checkpoint: its origin, its config, what it was trained on, its weights, and all else kept."""

    source: Source
    config: RunConfig
    spec: DataSpec
    model: nn.Module
    kept: Mapping[str, Any]


def load_network(
    source: Source, trust: Collection[str] = (), changed: Mapping[str, Any] | None = None
) -> StoredNetwork:
    """Builds the network of one checkpoint of any task, in evaluation mode.

    Args:
        source: The checkpoint.
        trust: Packages beside segexp's own whose classes it may name.
        changed: Keys of its block ``model`` that differ, and leave its weights as they are: ``output_stride``.

    Raises:
        DataError: It is no checkpoint of segexp, of a later version, or from before there was ``inference``.
        StoredError: Its config asks for more than data may.
    """
    try:
        content = _content(source.checkpoint)
        refuse_stranger(content, source.checkpoint)
        kept, state = content["segexp"], content.get("state_dict")
        config = stored_config(kept, source.checkpoint, trust)
        spec = DataSpec.from_dict(kept["spec"], partial(_target_class, source.checkpoint, trust))
        if min(spec.in_channels, spec.out_channels) < 1:
            raise ValueError(f"it has {spec.in_channels} channels in and {spec.out_channels} out")
    except SegexpError:
        raise
    except Exception as error:  # torch.load raises nearly anything for a file that is no checkpoint
        if (cause := cause_of(error)) is not None:
            raise ResourceError(describe_cause(cause, str(source.checkpoint))) from error
        said = why_unreadable(source.checkpoint, error)
        raise DataError(f"{source.checkpoint}: is no checkpoint of segexp ({said})") from error
    if (note := migration_note(kept["config"])) is not None:
        LOG.info(f"run         {note}")
    weights = network_weights(state, source.checkpoint)
    try:
        run = RunConfig.from_plain(config)
    except (KeyError, TypeError) as error:
        raise DataError(f"{source.checkpoint}: is no checkpoint of segexp ({one_line(error)})") from error
    section = {**run.model, **(changed or {})}
    refuse_mismatch(section, spec, weights, source.checkpoint)
    model = build_model(section, spec, published=False)
    load_network_weights(model, section, weights, source.checkpoint)
    return StoredNetwork(source, run, spec, model.eval(), kept)


def _target_class(source: Path, trust: Collection[str], name: str) -> type[Target]:
    """The class of a target that a task brought, checked before it is imported.

    Raises:
        StoredError: It is no target, or of a package that is not trusted.
    """
    check_stored({"target": {"_target_": name}}, source, trust, built=("target",))
    found: type[Target] = get_class(name)
    return found


def _content(path: Path) -> dict[str, Any]:
    """What a checkpoint holds, or the weights that were exported from one."""
    if path.suffix == ".safetensors":
        from segexp.inference.safetensors_reader import read_safetensors

        return read_safetensors(path)
    check_archive(path)
    found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return found
