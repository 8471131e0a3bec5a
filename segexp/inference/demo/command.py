"""``demo``: serves one model on a local page until Ctrl-C."""

import importlib.util
import os
import signal
import tempfile
from pathlib import Path

from segexp.config.command_schema import DemoConfig
from segexp.errors import MissingExtraError
from segexp.inference.demo.answer_cache import AnswerCache
from segexp.inference.demo.files import Downloads
from segexp.inference.demo.session import MEGABYTE, DemoSession
from segexp.inference.load import load
from segexp.runs.console import LOG, start_console

OFFLINE = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
"""gradio would ask for newer versions of itself and report its use."""


def demo(config: DemoConfig) -> None:
    """Serves until Ctrl-C.

    Args:
        config: Checked and resolved, see conf/demo.yaml.

    Raises:
        MissingExtraError: gradio is not installed.
        UserError: Model or settings are at fault, or the port is taken.
    """
    start_console()
    check_gradio()
    from segexp.inference.demo.address import bind_listener

    with (
        bind_listener(config.host, config.port) as listener,
        tempfile.TemporaryDirectory(prefix="segexp_demo_") as folder,
    ):
        # Read when gradio is imported: what visitors upload goes with the folder.
        os.environ.update(OFFLINE, GRADIO_TEMP_DIR=folder)
        # An end by SIGTERM, too, must leave nothing of theirs behind.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        session = make_session(config, Path(folder))
        from segexp.inference.demo.server import serve

        serve(session, listener, browser=config.open, host=config.host, names=config.hosts)
    LOG.info("stopped")


def make_session(config: DemoConfig, folder: Path) -> DemoSession:
    """Loads the model and sets limits and the folder of downloads."""
    model = load(
        config.run,
        config.checkpoint,
        tta=config.tta,
        device=config.device,
        image_limit=config.image_limit,
    )
    for source in model.sources:
        LOG.info(f"run         {source.name}")
    LOG.info(f"classes     {', '.join(model.classes)}; tta {model.tta}" + "".join(f"; {note}" for note in model.notes))
    downloads = Downloads(folder / "downloads")
    return DemoSession(
        model,
        AnswerCache(int(config.kept_megabytes * MEGABYTE), downloads.remove),
        downloads,
        config.max_megabytes,
        config.max_pixels,
        config.debug,
    )


def check_gradio() -> None:
    """Checks that gradio is installed.

    Raises:
        MissingExtraError: Says what to install.
    """
    if importlib.util.find_spec("gradio") is None:
        raise MissingExtraError("demo: gradio is not installed; pip install 'segexp[demo]'")
