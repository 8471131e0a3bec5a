"""``export``: writes a file, and calls it done only when it computes what PyTorch does."""

from collections.abc import Mapping
from typing import Any

from segexp.config.command_schema import ExportConfig
from segexp.errors import ConfigError
from segexp.inference.export.export_base import Exported
from segexp.inference.export.format import require_packages
from segexp.inference.export.formats import FORMATS
from segexp.inference.export.mask_export import MaskExport
from segexp.inference.export.task_export import TaskExport
from segexp.inference.load import MaskSettings, load_members, mask_model, segmentations, task_model
from segexp.rasters import DEFAULT_GB, Limit
from segexp.runs.console import start_console
from segexp.tasks.dense import DenseTask

WHOLE = {"window": None}
"""A file sees an image whole."""


def export(config: ExportConfig, data: Mapping[str, Any] | None) -> str:
    """Exports one model.

    Args:
        config: Checked and resolved, see conf/export.yaml.
        data: Section ``datamodule``: a whole one, keys that differ from the run's, or None.

    Returns:
        The table for the terminal.

    Raises:
        UserError: Run, settings or packages are at fault, or the model cannot be exported.
        ExportFailed: The file did not agree with PyTorch; it is deleted.
    """
    start_console()
    require_packages(config.format, *FORMATS[config.format].packages)
    if config.int8 and config.format != "onnx":
        raise ConfigError(f"int8: needs format=onnx, found format={config.format}")
    if config.int8 and config.images == 0:
        raise ConfigError("int8: its loss is measured on test images, found images=0; use at least 1, or null for all")
    return _exported(config, data).as_text()


def _exported(config: ExportConfig, data: Mapping[str, Any] | None) -> Exported:
    members, limit = load_members(config.run, config.checkpoint, "cpu"), Limit(DEFAULT_GB)
    masks = segmentations(members)
    if masks is not None:
        settings = MaskSettings("none", config.threshold, WHOLE)
        return MaskExport(config, data, mask_model(masks, settings, None, limit)).run()
    first = members[0]
    if config.int8:
        raise ConfigError(
            f"int8: what it costs is measured in IoU, but {first.source.name} is of kind {first.module.spec.kind}; "
            "leave it"
        )
    whole = WHOLE if isinstance(first.module, DenseTask) else None
    settings = MaskSettings("none", config.threshold, whole, scale=config.scale)
    return TaskExport(config, data, task_model(members, None, limit, settings)).run()
