"""What a file of weights holds, whatever program wrote it, read as data: no torch, nothing of it runs."""

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segexp.errors import DataError, one_line
from segexp.inspection.file_contents.onnx_header import read_onnx_header
from segexp.inspection.file_contents.safetensors_header import read_safetensors_header
from segexp.runs.json_yaml import JSON_BYTES, parse_json
from segexp.runs.pickled.directory import check_directory
from segexp.runs.pickled.tensors import StoredTensor, tensor_of, tensors_in
from segexp.runs.pickled.torch_file import TorchFile, read_torch_file

CHECKPOINT, LIGHTNING, STATE_DICT, WITH_CODE, OBJECT = (
    "checkpoint of segexp", "checkpoint of Lightning", "state dict", "torch file that names classes of its own",
    "torch file",
)  # fmt: skip
SAFETENSORS, ONNX, TORCHSCRIPT, TORCH_EXPORT = "safetensors", "ONNX", "TorchScript", "torch.export"
_FACTS = "segexp.json"
"""What ``export`` puts beside the program of TorchScript and torch.export."""
_WEIGHTS = ("state_dict", "model_state_dict", "model")
"""Under which checkpoints keep the weights beside other things."""


@dataclass(frozen=True)
class FileContents:
    """Content of a file of weights, read as data.

    Attributes:
        path: Where it lies.
        kind: One of the names above.
        content: What the pickle holds beside weights, or the metadata of an export.
        weights: The tensors of the network by name.
        torch_file: Where it is one of ``torch.save``.
    """

    path: Path
    kind: str
    content: Mapping[Any, Any] = field(default_factory=dict)
    weights: Mapping[str, StoredTensor] = field(default_factory=dict)
    torch_file: TorchFile | None = None

    @property
    def record(self) -> Mapping[str, Any] | None:
        """Segexp's own part; None: there is none."""
        record = self.content.get("segexp" if self.kind == CHECKPOINT else "record")
        return record if isinstance(record, Mapping) else None


def read_contents(path: Path) -> FileContents:
    """Reads what a file holds.

    Raises:
        DataError: It is none of weights, damaged, or would take more memory than any of ours.
    """
    if not path.is_file():
        raise DataError(
            f"file: no file {path}; give a checkpoint, a file of weights, an exported model or a run folder"
        )
    try:
        found = _safetensors(path) or _archive(path) or _onnx(path) or _pickle(path)
    except DataError:
        raise
    except (ValueError, OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        said = str(error) if isinstance(error, ValueError) and not isinstance(error, UnicodeError) else one_line(error)
        raise DataError(f"{path}: is no file of weights, or damaged: {said}; copy it again from its source") from error
    return found


def _safetensors(path: Path) -> FileContents | None:
    found = read_safetensors_header(path)
    if found is None:
        return None
    texts, tensors = found
    return FileContents(path, SAFETENSORS, _parsed(texts), tensors)


def _onnx(path: Path) -> FileContents | None:
    found = read_onnx_header(path)
    if found is None:
        return None
    return FileContents(path, ONNX, {"producer": found.producer, **_parsed(found.texts)}, found.tensors)


def _parsed(texts: Mapping[str, str]) -> dict[str, Any]:
    """Metadata whose values are JSON, as segexp writes them; others stay texts."""
    found: dict[str, Any] = {}
    for key, text in texts.items():
        try:
            found[key] = parse_json(text)
        except ValueError:
            found[key] = text
    return found


def _archive(path: Path) -> FileContents | None:
    """TorchScript and torch.export; other archives are files of torch.save."""
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return None
    check_directory(path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        inside = {name.partition("/")[2] for name in names}
        is_script = "constants.pkl" in inside and "data.pkl" in inside
        if not is_script and "archive_format" not in inside:
            return None
        facts = next((name for name in names if name.endswith(f"/extra/{_FACTS}")), None)
        if facts is None:
            return FileContents(path, TORCHSCRIPT if is_script else TORCH_EXPORT)
        with archive.open(facts) as entry:
            content = parse_json(entry.read(JSON_BYTES + 1).decode("utf-8"))
    return FileContents(path, TORCHSCRIPT if is_script else TORCH_EXPORT, content if isinstance(content, dict) else {})


def _pickle(path: Path) -> FileContents:
    """A file of torch.save: a checkpoint, a state dict, or objects.

    Raises:
        ValueError: It is none.
    """
    file = read_torch_file(path)
    if file is None:
        raise ValueError("an archive without the entry data.pkl")
    value = file.content.value
    if not isinstance(value, Mapping):
        return FileContents(path, WITH_CODE if file.strangers else OBJECT, {}, dict(tensors_in(value)), file)
    inside = next((value[key] for key in _WEIGHTS if isinstance(value.get(key), Mapping)), value)
    if "segexp" in value:
        kind = CHECKPOINT
    elif "pytorch-lightning_version" in value:
        kind = LIGHTNING
    elif file.strangers:
        kind = WITH_CODE
    else:
        kind = STATE_DICT if any(tensor_of(each) for each in inside.values()) else OBJECT
    own = kind in (CHECKPOINT, LIGHTNING) or inside is not value
    content = {key: item for key, item in value.items() if item is not inside} if own else {}
    return FileContents(path, kind, content, dict(tensors_in(inside)), file)
