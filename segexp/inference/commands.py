"""The commands evaluate, export, predict and demo; torch is imported once they are sure to need it."""

from typing import Any

from segexp.config.checked import checked, checked_with_data
from segexp.invocation import Invocation
from segexp.system.imports import quick_imports


def run_evaluate(config: Any, invocation: Invocation) -> None:
    """Measures a model on any data set."""
    from segexp.config.command_schema import EvaluateConfig

    asked, given = checked_with_data(config, EvaluateConfig)
    from segexp.system.allocator import tune_allocator

    tune_allocator("auto")
    with quick_imports():
        from segexp.inference.evaluate.command import evaluate

    evaluate(asked, given, invocation)


def run_export(config: Any, invocation: Invocation) -> None:
    """Writes and verifies an exported file."""
    from segexp.config.command_schema import ExportConfig

    asked, given = checked_with_data(config, ExportConfig)
    from segexp.system.allocator import tune_allocator

    tune_allocator("auto")
    with quick_imports():
        from segexp.inference.export.command import export

    print(export(asked, given))  # noqa: T201 - the command's answer


def run_predict(config: Any, invocation: Invocation) -> None:
    """Predicts many files."""
    from segexp.config.command_schema import PredictConfig

    asked = checked(config, PredictConfig)
    from segexp.system.allocator import tune_allocator

    tune_allocator("auto")
    with quick_imports():
        from segexp.inference.predict.command import predict

    print(predict(asked))  # noqa: T201 - the command's answer


def run_demo(config: Any, invocation: Invocation) -> None:
    """Serves the page of one model."""
    from segexp.config.command_schema import DemoConfig

    asked = checked(config, DemoConfig)
    from segexp.system.allocator import tune_allocator

    tune_allocator("auto")
    with quick_imports():
        from segexp.inference.demo.command import demo

    demo(asked)
