"""What is installed from the wheel works without the checkout."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
TINY = (
    "datamodule.size=32", "datamodule.train_images=2", "datamodule.val_images=1", "datamodule.test_images=1",
    "datamodule.crop_size=null", "datamodule.crops_per_image=1", "model.base=2", "trainer.accelerator=cpu",
    "trainer.max_epochs=1", "trainer.progress=none", "speed=off", "panels=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(REPOSITORY)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the unpacked wheel; before it on the path comes nothing, the editable install comes behind."""
    target = tmp_path_factory.mktemp("installed")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(target), str(wheel)],
        check=True,
    )
    return target


def python(installed: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(installed)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def files(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }


def test_everything_is_inside_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    package = {f"segexp/{name}" for name in files(REPOSITORY / "segexp")}
    conf = {f"segexp/conf/{name}" for name in files(REPOSITORY / "conf")}
    assert "segexp/report/templates/report.html.j2" in names
    assert "segexp/conf/train.yaml" in names
    assert {name for name in names if ".dist-info/" not in name} == package | conf


def test_the_installed_copy_is_what_runs(installed: Path) -> None:
    out = python(
        installed, "-c", "import segexp; from segexp.config.paths import conf_dir; print(segexp.__file__, conf_dir())"
    )
    package, conf = map(Path, out.split())
    assert package == installed / "segexp" / "__init__.py"
    assert conf == installed / "segexp" / "conf"


CONF_AS_A_MODULE = """
import importlib.util, hydra, segexp.conf
with hydra.initialize_config_module("segexp.conf", version_base="1.3"):
    print(hydra.compose("train", ["model=unet"]).model._target_)
print(*segexp.conf.__path__)
"""


def test_hydra_finds_the_config_as_a_module(installed: Path) -> None:
    model, *folders = python(installed, "-c", CONF_AS_A_MODULE).split()
    assert model == "segexp.models.unet.UNet"
    assert folders == [str(installed / "segexp" / "conf")]


def test_an_editable_install_puts_segexp_alone_on_the_path(tmp_path: Path) -> None:
    pytest.importorskip("editables", reason="comes with an editable install")
    target = tmp_path / "target"
    build = f"from hatchling.build import build_editable; build_editable({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    (archive,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(archive).extractall(target)
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    # Without the site-packages of this Python, whose own editable install would be in the way.
    script = f"import site, sys; sys.path += [{str(target)!r}, *{libraries}]; site.addsitedir({str(target)!r}); print("
    script += "*[importlib.util.find_spec(n) is None for n in ('segexp', 'conf', 'tests', 'benchmarks')])"
    out = python(target, "-ISc", f"import importlib.util; {script}; {CONF_AS_A_MODULE}")
    assert out.splitlines() == ["False True True True", "segexp.models.unet.UNet", str(REPOSITORY / "conf")]


def test_config_is_composed_from_an_empty_folder(installed: Path, elsewhere: Path) -> None:
    out = python(installed, "-m", "segexp", "--cfg", "job")
    assert "segexp.data.datasets.synthetic.SyntheticDataModule" in out
    assert list(elsewhere.iterdir()) == []


def test_a_tiny_training_writes_below_the_current_folder(installed: Path, elsewhere: Path) -> None:
    python(installed, "-m", "segexp", *TINY)
    (record,) = elsewhere.glob("outputs/*/*/run.json")
    content = json.loads(record.read_text())
    assert content["state"] == "finished"
    assert content["git"]["commit"] is None
    assert (record.parent / "report.html").stat().st_size > 1000
    assert [path.name for path in elsewhere.iterdir()] == ["outputs"]
