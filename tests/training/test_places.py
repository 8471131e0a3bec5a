"""What a training is pointed to and is not there: one line, exit 2, and no torch imported."""

import json
import subprocess
import sys
from pathlib import Path

RUNS = """
import contextlib, io, json, sys, time
from segexp.cli.app import run
told = {}
for line in json.loads(sys.argv[1]):
    err, began = io.StringIO(), time.process_time()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
        code = run(line.split())
    told[line] = [code, err.getvalue(), time.process_time() - began]
heavy = [name for name in ("torch", "lightning", "numpy") if name in sys.modules]
print(json.dumps([told, heavy]))
"""
LINES = {
    "resume=gone": "segexp: resume: no file gone; give a run folder or the path of a last.ckpt",
    "from=gone": "segexp: from=gone: no file gone/config.yaml; give the folder of a run",
    "init_from=gone": "segexp: init_from: no file or folder gone; give a run folder, a checkpoint",
    "datamodule=folder datamodule.root=gone": "segexp: datamodule.root: no folder gone; give the folder that holds",
    "check datamodule=drive datamodule.root=gone": "segexp: datamodule.root: no folder gone; give the folder that",
    "check resume=gone": "segexp: resume: no file gone;",
    "check init_from=gone": "segexp: init_from: no file or folder gone;",
    "lr_find init_from=gone": "segexp: init_from: no file or folder gone;",
    "preview datamodule=inria datamodule.root=gone": "segexp: datamodule.root: no folder gone;",
    "lr_find datamodule=cells datamodule.root=gone": "segexp: datamodule.root: no folder gone;",
}


def test_what_is_not_there_is_refused_before_torch_is_imported(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUNS, json.dumps(list(LINES))],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    told, heavy = json.loads(done.stdout)
    assert heavy == []
    for line, (code, said, seconds) in told.items():
        assert (code, len(said.splitlines())) == (2, 1), (line, said)
        assert said.startswith(LINES[line]), (line, said)
        assert seconds < 1.5, (line, seconds)
    assert not list(tmp_path.iterdir())
