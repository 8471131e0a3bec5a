"""The commands evaluate, export, predict and demo; torch is imported once they are sure to need it."""

from typing import Any

from segexp.config.command_schema import (
    DecodeConfig,
    DemoConfig,
    EncodeConfig,
    EvaluateConfig,
    ExportConfig,
    LocalizeConfig,
    PredictConfig,
)
from segexp.config.composed import checked, checked_with_data, checked_with_own
from segexp.config.schema import FromCamConfig
from segexp.data.root_folder import check_block_root
from segexp.inference.stopping import told_when_stopped
from segexp.invocation import Invocation
from segexp.runs.checkpoints import refuse_missing
from segexp.runs.text import readable
from segexp.system.allocator import tune_allocator
from segexp.system.imports import quick_imports


def run_evaluate(config: Any, invocation: Invocation) -> None:
    """Measures a model on any data set."""
    asked, given = checked_with_data(config, EvaluateConfig)
    refuse_missing(asked.run)
    check_block_root(given or {})
    tune_allocator("auto")
    with told_when_stopped(invocation.command[1:], lambda: "the figures are not complete"):
        with quick_imports():
            from segexp.inference.evaluate.command import evaluate_runs

        evaluate_runs(asked, given, invocation)


def run_export(config: Any, invocation: Invocation) -> None:
    """Writes and verifies an exported file."""
    asked, given = checked_with_data(config, ExportConfig)
    refuse_missing(asked.run)  # not missing data: without test images noise is compared
    tune_allocator("auto")
    with told_when_stopped(invocation.command[1:], lambda: "no file is finished"):
        with quick_imports():
            from segexp.inference.export.command import export

        print(readable(export(asked, given)))  # noqa: T201 - the command's answer


def run_predict(config: Any, invocation: Invocation) -> None:
    """Predicts many files."""
    asked = checked(config, PredictConfig)
    refuse_missing(asked.run)
    tune_allocator("auto")
    with told_when_stopped(invocation.command[1:], lambda: "before the first file"):
        with quick_imports():
            from segexp.inference.predict.command import predict_files

        print(readable(predict_files(asked, invocation.command[1:])))  # noqa: T201 - the command's answer


def run_encode(config: Any, invocation: Invocation) -> None:
    """Writes codes of images."""
    asked = checked(config, EncodeConfig)
    refuse_missing(asked.run)
    tune_allocator("auto")
    with told_when_stopped(invocation.command[1:], lambda: "no codes are written"):
        with quick_imports():
            from segexp.inference.codes import encode_images

        print(readable(encode_images(asked)))  # noqa: T201 - the command's answer


def run_decode(config: Any, invocation: Invocation) -> None:
    """Writes the image of a code."""
    asked = checked(config, DecodeConfig)
    refuse_missing(asked.run)
    tune_allocator("auto")
    with quick_imports():
        from segexp.inference.codes import decode_code

    print(readable(decode_code(asked)))  # noqa: T201 - the command's answer


def run_localize(config: Any, invocation: Invocation) -> None:
    """Looks where a classifier sees a class."""
    asked = checked(config, LocalizeConfig)
    refuse_missing(asked.run)
    tune_allocator("auto")
    with told_when_stopped(invocation.command[1:], lambda: "before the first image"):
        with quick_imports():
            from segexp.inference.localize.command import localize_files

        print(readable(localize_files(asked, invocation.command[1:])))  # noqa: T201 - the command's answer


def run_from_cam(config: Any, invocation: Invocation) -> None:
    """Trains a segmentation on maps of a classifier."""
    experiment, own = checked_with_own(config, FromCamConfig, invocation)
    refuse_missing(own.classifier)
    tune_allocator(experiment.speed.allocator)
    with quick_imports():
        from segexp.inference.localize.from_cam import train_from_cam

    train_from_cam(experiment, own)


def run_demo(config: Any, invocation: Invocation) -> None:
    """Serves the page of one model."""
    asked = checked(config, DemoConfig)
    refuse_missing(asked.run)
    tune_allocator("auto")
    with quick_imports():
        from segexp.inference.demo.command import demo

    demo(asked)
