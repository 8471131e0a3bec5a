"""The command ``weights``: the table of published files, and what a file on disk is and fits."""

import hashlib
import json
from pathlib import Path

import pytest
import torch

from segexp.cli.app import run
from segexp.models.encoders.pretrained import FILES
from segexp.models.encoders.published import PUBLISHED_FILES, claimed_digits
from segexp.models.encoders.resnet import ResNet
from tests.lines import run_lines


def test_hashes_begin_with_the_digits_of_their_names() -> None:
    assert list(PUBLISHED_FILES) == list(FILES)
    for encoder, file in PUBLISHED_FILES.items():
        assert FILES[encoder] == file.name
        assert len(file.sha256) == 64
        assert file.sha256.startswith(claimed_digits(file.name))
        assert len(claimed_digits(file.name)) == 8
        assert file.source == f"https://download.pytorch.org/models/{file.name}"


def test_the_table_takes_no_torch() -> None:
    table, answer, wrong = run_lines([["weights"], ["weights", "format=json"], ["weights", "model=unet"]])
    assert (table.code, table.heavy, table.files) == (0, [], [])
    for file in PUBLISHED_FILES.values():
        assert file.sha256 in table.out
        assert file.source in table.out
    (first, *_) = json.loads(answer.out)["weights"]
    assert (first["encoder"], first["name"]) == ("vgg16", "vgg16-397923af.pth")
    assert wrong.code == 2
    assert wrong.err.startswith("segexp: model: found without file=")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pth"
    state = {name: torch.zeros(()).expand(1).clone() if not value.shape else value.half() for name, value in
             ResNet(3, "resnet18").state_dict().items() if not name.endswith("num_batches_tracked")}  # fmt: skip
    torch.save({**state, "fc.weight": torch.zeros(2, 512)}, path)
    return path


def test_a_file_is_named_by_hash_and_by_what_it_fits(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    right, wrong = file.with_name(f"resnet18-{digest[:8]}.pth"), file.with_name("resnet18-f37072fd.pth")
    right.write_bytes(file.read_bytes())
    wrong.write_bytes(file.read_bytes())
    assert run(["weights", f"file={right}"]) == 0
    said = capsys.readouterr().out
    assert f"sha256  {digest}\n        not in the table; its name and its hash agree" in said
    assert "resnet18: 100 of 100 weights fit; 1 unexpected: fc.weight" in said
    assert "resnet34" not in said
    assert run(["weights", f"file={file}", "model=pspnet_resnet50", "model.encoder=resnet18", "format=json"]) == 0
    fits = json.loads(capsys.readouterr().out)["fits"]
    assert fits["model=pspnet_resnet50"]["loaded"] == 100
    assert fits["model=pspnet_resnet50"]["of"] > 100
    assert run(["weights", f"file={wrong}"]) == 2
    assert f"has the sha256 {digest}, but its name says that it begins with f37072fd" in capsys.readouterr().err
    assert run(["weights", "file=absent.pth"]) == 2
    assert "file: no file absent.pth" in capsys.readouterr().err
