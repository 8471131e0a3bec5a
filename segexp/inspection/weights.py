"""The command weights: which published files there are, and what a file on disk is and fits."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segexp.config.composed import checked
from segexp.errors import ConfigError, DataError
from segexp.invocation import Invocation
from segexp.models.encoders.published import PUBLISHED_FILES, claimed_digits
from segexp.report.table import Table
from segexp.runs.text import readable
from segexp.system.imports import quick_imports

_NOTES = (
    "sha256 is of the whole file; its first eight digits stand in the name. Carry a file to a machine without a\n"
    "network and give it by model.pretrained=<path>, or put it into torch's folder hub/checkpoints and set\n"
    "model.pretrained=true; weights file=<path> looks at it there. All were trained on ImageNet:\n"
    "datamodule.normalize=imagenet.\n"
    "deeplabv3plus_xception has no published file; init_from=<path> starts any model from any state dict that fits."
)


def run_weights(config: Any, invocation: Invocation) -> None:
    """Prints the table of published files, or what a file is."""
    from segexp.config.command_schema import WeightsConfig

    asked = checked(config, WeightsConfig)
    if asked.file is None:
        if asked.model is not None:
            raise ConfigError("model: found without file=; it says which model a file is compared with")
        facts = published_facts()
        text = format_published()
    else:
        facts = file_facts(Path(asked.file).expanduser())
        with quick_imports():
            from segexp.inspection.weight_fits import find_fits

        name = invocation.choices.get("model", "model")
        facts["fits"] = find_fits(Path(asked.file), {} if asked.model is None else {name: asked.model})
        text = format_file(facts)
    print(json.dumps(facts, indent=2) if asked.format == "json" else readable(text))  # noqa: T201 - the command's answer


def published_facts() -> dict[str, Any]:
    """Gives the table of published files as plain values."""
    return {
        "weights": [
            {"encoder": encoder, **vars(file), "source": file.source} for encoder, file in PUBLISHED_FILES.items()
        ]
    }


def format_published() -> str:
    """Formats the table of published files, then sources and models of each."""
    rows = tuple((e, file.name, str(file.megabytes), file.sha256) for e, file in PUBLISHED_FILES.items())
    table = Table("published weights of encoders", ("encoder", "file", "MB", "sha256"), rows, text_columns=2)
    width = max(map(len, PUBLISHED_FILES))
    sources = [
        f"{e.ljust(width)}  {file.source}\n{' ' * width}  for {file.models}" for e, file in PUBLISHED_FILES.items()
    ]
    return "\n".join([table.as_text(), "", *sources, "", _NOTES])


def file_facts(path: Path) -> dict[str, Any]:
    """Compares the hash of a file with the published ones and with its name.

    Raises:
        DataError: There is no such file, or it is not what its name says: it is damaged, or another one.
    """
    if not path.is_file():
        raise DataError(f"file: no file {path}; give the path of a file of weights")
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    known = next((encoder for encoder, file in PUBLISHED_FILES.items() if file.sha256 == digest), None)
    digits = claimed_digits(path.name)
    if digits and not digest.startswith(digits):
        raise DataError(
            f"file: {path} has the sha256 {digest}, but its name says that it begins with {digits}: it is damaged or "
            "another file; copy or download it anew"
        )
    return {"file": str(path), "sha256": digest, "published_as": known, "name_agrees": bool(digits)}


def format_file(facts: Mapping[str, Any]) -> str:
    """Formats what a file is and which networks it fits."""
    if facts["published_as"] is not None:
        what = f"the published weights of {facts['published_as']}"
    elif facts["name_agrees"]:
        what = "not in the table; its name and its hash agree"
    else:
        what = "not in the table"
    lines = [f"file    {facts['file']}", f"sha256  {facts['sha256']}", f"        {what}", ""]
    fits = [f"{name}: {fit['said']}" for name, fit in facts["fits"].items()]
    return "\n".join([*lines, *(fits or ["it fits none of the encoders"])])
