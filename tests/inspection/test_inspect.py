"""The command ``inspect``: what a file holds, without torch, and whether ``load`` takes it."""

import json
import os
import pickle
import shutil
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from segexp import load
from segexp.cli.app import run
from segexp.errors import SegexpError
from segexp.inspection.inspect_command import inspect_path
from segexp.runs.checkpoint_format import FORMAT
from segexp.version import VERSION
from tests.lines import run_lines

FIXTURES = Path(__file__).parents[1] / "fixtures"
STORED = FIXTURES / "formats" / str(FORMAT) / "checkpoints" / "last.ckpt"


class Calls:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.arguments


def test_a_checkpoint_without_torch() -> None:
    words = ["inspect", str(STORED), str(FIXTURES / "v0_1" / "finished")]
    table, answer = run_lines([words, ["inspect", str(STORED), "tensors=true", "format=json"]])
    assert (table.code, table.heavy, table.files) == (0, [], [])
    lines = table.out.splitlines()
    assert lines[1] == f"kind        checkpoint of segexp, format {FORMAT}, written by segexp 0.1.0, Lightning 2.6.6"
    for line in (
        "classes     background, vessel",
        "input       3 channels, uint8, scaling fixed: mean 166.7 86.47 60.2, std 28.64 19.82 14.98",
        "epoch       0 (counted from 0), step 1, best val/miou so far 0.1578",
        "state       optimizer, RandomState, Best, segexp.last",
        "weights     16 tensors, 1.9 kB: 467 float32",
        "packages    segexp, albumentations",
        "load        takes it, if its weights have the shapes of its model",
        "kind        run folder, finished, started 2026-11-30T00:09:21+00:00",
        "weights     120 tensors, 36.4 kB: 9,061 float32, 17 int64",
    ):
        assert line in lines
    assert answer.heavy == []
    (facts,) = json.loads(answer.out)["files"]
    content = torch.load(STORED, weights_only=True)
    assert facts["model"] == content["segexp"]["config"]["model"]
    assert facts["mean"] == content["segexp"]["spec"]["mean"]
    assert facts["tensors"] == [
        {"name": name, "dtype": str(value.dtype).removeprefix("torch."), "shape": list(value.shape)}
        for name, value in content["state_dict"].items()
    ]
    best = next(state for name, state in content["callbacks"].items() if name.startswith("Best"))
    assert facts["best"] == {"monitor": "val/miou", "value": float(best["best_model_score"])}


def expand(content: dict[str, Any]) -> None:
    content["state_dict"]["model.x"] = torch.zeros(1).expand(10**6, 10**6)


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "as it is": lambda c: None,
    "later": lambda c: c["segexp"].update(format=FORMAT + 1),
    "no number": lambda c: c["segexp"].update(format=[3]),
    "before windows": lambda c: c["segexp"]["config"].pop("inference"),
    "a function": lambda c: c["segexp"]["config"]["model"].update(base={"_target_": "os.system"}),
    "a package": lambda c: c["segexp"]["config"].update(model={"_target_": "their_package.Net"}),
    "the environment": lambda c: c["segexp"]["config"].update(name="${oc.env:HOME}"),
    "a reference": lambda c: c["segexp"]["config"].update(a="${tta}"),
    "a target": lambda c: c["segexp"]["spec"].update(target={"_target_": "subprocess.Popen"}),
    "no spec": lambda c: c["segexp"].pop("spec"),
    "no config": lambda c: c["segexp"].pop("config"),
    "no part": lambda c: c.update(segexp=3),
    "another's": lambda c: c.pop("segexp"),
    "no weights": lambda c: c.pop("state_dict"),
    "weights that are none": lambda c: c.update(state_dict=[1]),
    "a weight that is none": lambda c: c["state_dict"].update({"model.x": 1}),
    "weights without values": expand,
    "no speed": lambda c: c["segexp"]["config"].pop("speed"),
    "an object": lambda c: c.update(more=Calls(os.system, "touch canary")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_says_what_load_does(change: str) -> None:
    content = torch.load(STORED, weights_only=True)
    CHANGES[change](content)
    torch.save(content, "x.ckpt")
    found = inspect_path(Path("x.ckpt"))["load"]
    try:
        load("x.ckpt", device="cpu")
    except SegexpError as error:
        assert not found["takes_it"]
        assert "\n" not in str(error)
        assert found["why_not"] == str(error)
        assert "weights_only=False" not in str(error)
    else:
        assert found == {"takes_it": True, "why_not": None}
    assert not Path("canary").exists()


def other_kinds(folder: Path) -> dict[str, Path]:
    """A file of each kind that is no checkpoint of segexp."""
    module = torch.nn.Conv2d(3, 4, 3)
    files = {kind: folder / f"{kind}.pt" for kind in ("state", "old", "module", "lightning", "pickle")}
    torch.save(module.state_dict(), files["state"])
    torch.save({"model": module.state_dict(), "epoch": 3}, files["old"], _use_new_zipfile_serialization=False)
    torch.save(module, files["module"])
    torch.save({"pytorch-lightning_version": "2.5.0", "epoch": 7, "global_step": 70, "state_dict": module.state_dict(),
                "hyper_parameters": Calls(os.getcwd)}, files["lightning"])  # fmt: skip
    files["pickle"].write_bytes(pickle.dumps(Calls(os.system, "touch canary")))
    return files


def test_files_of_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = other_kinds(tmp_path)
    facts = {kind: inspect_path(path, tensors=True) for kind, path in files.items()}
    assert [facts[kind]["kind"] for kind in files] == [
        "state dict", "state dict", "torch file that names classes of its own", "checkpoint of Lightning",
        "torch file that names classes of its own",
    ]  # fmt: skip
    conv = {"tensors": 2, "values": 112, "bytes": 448, "by_type": {"float32": 112}}
    assert [facts[kind]["weights"] for kind in ("state", "old", "lightning")] == [conv] * 3
    assert facts["state"]["tensors"][0] == {"name": "weight", "dtype": "float32", "shape": [4, 3, 3, 3]}
    assert "init_from=" in facts["state"]["load"]["why_not"]
    assert facts["lightning"]["epoch"] == 7
    assert facts["lightning"]["lightning"] == "2.5.0"
    assert facts["lightning"]["code"] == ["posix.getcwd"]
    assert facts["module"]["code"] == ["torch.nn.modules.conv.Conv2d"]
    assert facts["pickle"]["code"] == ["posix.system"]
    assert not any(each["load"]["takes_it"] for each in facts.values())
    assert run(["inspect", *map(str, files.values())]) == 0
    assert "code        names posix.system: no tensors; nothing of it was run" in capsys.readouterr().out
    assert not Path("canary").exists()


def test_onnx_is_read_without_its_package(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    weight = helper.make_tensor("w", float32, [2, 3], [0.5] * 6)
    place = [helper.make_tensor_value_info(name, float32, [2, 3]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", place[:1], place[1:], [weight])
    model = helper.make_model(graph, producer_name="ours")
    helper.set_model_props(model, {"classes": '["a", "b"]', "segexp": '"0.1.0"', "note": "no JSON"})
    (tmp_path / "x.onnx").write_bytes(model.SerializeToString())
    facts = inspect_path(tmp_path / "x.onnx", tensors=True)
    assert [facts[key] for key in ("kind", "producer", "classes", "segexp")] == ["ONNX", "ours", ["a", "b"], "0.1.0"]
    assert facts["tensors"] == [{"name": "w", "dtype": "float32", "shape": [2, 3]}]


@pytest.mark.slow
def test_exports_say_what_their_metadata_say(tmp_path: Path) -> None:
    for name, key in (("onnx", "ONNX"), ("torchscript", "TorchScript"), ("torch_export", "torch.export")):
        suffix = {"onnx": "onnx", "torchscript": "torchscript", "torch_export": "pt2"}[name]
        path = tmp_path / f"x.{suffix}"
        if name == "onnx":
            pytest.importorskip("onnx")
        assert run(["export", f"run={STORED}", f"format={name}", f"output={path}", "images=0", "rounds=0"]) == 0
        facts = inspect_path(path)
        assert (facts["kind"], facts["segexp"], facts["classes"]) == (key, VERSION, ["background", "vessel"])
        assert (facts["in_channels"], facts["scaling"], facts["dtype"]) == (3, "fixed", "uint8")
        assert not facts["load"]["takes_it"]
        if name == "onnx":
            assert facts["weights"]["values"] >= 467


def test_safetensors_are_read_by_their_header(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    assert run(["export", f"run={STORED}", "format=safetensors", f"output={path}", "images=0", "rounds=0"]) == 0
    facts = inspect_path(path, tensors=True)
    assert facts["load"] == {"takes_it": True, "why_not": None}
    assert (facts["kind"], facts["format"]) == ("safetensors", FORMAT)
    assert facts["weights"]["values"] == 467
    names = {f"model.{row['name']}" for row in facts["tensors"]}
    assert names == set(torch.load(STORED, weights_only=True)["state_dict"])
    assert facts["model"]["_target_"] == "segexp.models.unet.UNet"


def zipped(path: Path, entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def many_entries(path: Path) -> None:
    """The end of an archive that says that its list of entries has a GB."""
    path.write_bytes(b"PK\x03\x04" + bytes(100) + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 9, 9, 10**9, 4, 0))


HOSTILE: dict[str, Callable[[Path], Any]] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("# segexp"),
    "device": lambda path: path.symlink_to("/dev/zero"),
    "cut short": lambda path: path.write_bytes(STORED.read_bytes()[:5_000]),
    "a bomb": lambda path: torch.save(Calls(bytearray, 10**13), path),
    "a packed pickle": lambda path: zipped(path, {"a/data.pkl": bytes(10**7)}, zipfile.ZIP_DEFLATED),
    "two pickles": lambda path: zipped(path, {"a/data.pkl": b"N.", "b/DATA.PKL": b"N."}),
    "a list of entries": many_entries,
    "safetensors": lambda path: path.write_bytes(struct.pack("<Q", 20) + b'{"a": [[[[[[[[]]]]]]' + bytes(40)),
    "no sides": lambda path: path.write_bytes(struct.pack("<Q", 34) + b'{"a":{"dtype":"F32","shape":[-1]}}  '),
    "ONNX": lambda path: path.write_bytes(b"\x08\x08" + b"\x3a\xff\xff\xff\x7f"),
    "endless ONNX": lambda path: path.write_bytes(b"\x08\x08" * 3_000_000),
    "deep": lambda path: path.write_bytes(b"\x80\x02" + b"]" * 4_000_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_one_line(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("runs.pickled.reader.MOST_OPERATIONS", "inspection.file_contents.onnx_header._MOST_FIELDS"):
        monkeypatch.setattr(f"segexp.{place}", 100_000)
    path = Path("hostile\x1b[31m.ckpt")
    HOSTILE[name](path)
    started = time.process_time()
    assert run(["inspect", str(path)]) == 2
    assert time.process_time() - started < 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("segexp: ")
    assert "hostile\\x1b[31m.ckpt" in line


def test_a_run_folder_of_a_stranger(capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path("run")
    shutil.copytree(FIXTURES / "v0_1" / "finished", folder)
    (folder / "checkpoints" / "best.ckpt").unlink()
    (folder / "checkpoints" / "best.ckpt").symlink_to("/etc/passwd")
    text = (folder / "config.yaml").read_text().replace("seed: 0", "seed: 0\nhydra: {run: {dir: /}}", 1)
    (folder / "config.yaml").write_text(text)
    assert run(["inspect", "run"]) == 0
    said = capsys.readouterr().out
    assert "from=       refuses it: run/config.yaml: hydra: a block of Hydra's own" in said
    assert "file        run/checkpoints/best.ckpt: is a link out of run" in said
    assert "last.ckpt, 212.6 kB" in said
