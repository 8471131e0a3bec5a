"""The table of commands: a name, a primary config, a meaning, and the function that runs it, imported when it runs."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from segexp.invocation import Invocation

OWN_KEYS: dict[str, dict[str, Any]] = {
    "check": {"full": False, "scope": "all", "format": "table"},
    "from_cam": {"classifier": "???", "patches": "???", "masks": "???", "maps": {}},
    "lr_find": {"min_lr": 1e-8, "max_lr": 1.0, "num_training": 100, "mode": "exponential", "early_stop_threshold": 4.0},
    "preview": {"images": 8, "epochs": 3, "workers": [0, 1, 2], "step": "auto"},
}
"""Keys, with their defaults, that a command has beside those of a training: conf/<command>.yaml."""


@dataclass(frozen=True)
class Command:
    """One command of ``python -m segexp``.

    Attributes:
        name: Its word.
        meaning: In a line.
        function: Where the function lies that runs it, ``module:name``; it takes the composed config and how the
            command was started.
        operands: Key of the list that words without ``=`` make up, such as paths; None: there are no such words.
    """

    name: str
    meaning: str
    function: str
    operands: str | None = None

    @property
    def config(self) -> str:
        """Name of its primary config, ``conf/<config>.yaml``."""
        return self.name

    @property
    def takes_training(self) -> bool:
        """True if it composes the config of a training."""
        return self.name == "train" or self.name in OWN_KEYS

    def run(self, config: Any, invocation: Invocation) -> None:
        """Imports the function and calls it."""
        module, name = self.function.split(":")
        getattr(import_module(module), name)(config, invocation)


_TRAIN, _INFER, _REPORT = "segexp.training.commands", "segexp.inference.commands", "segexp.report.commands"

COMMANDS = {
    command.name: command
    for command in (
        Command("train", "train, validate, test and explain one experiment (the default)", f"{_TRAIN}:run_train"),
        Command("check", "check config, data, model and loss of a training, write nothing", f"{_TRAIN}:run_check"),
        Command(
            "preview", "contact sheet of training samples, their classes, speed of loading", f"{_TRAIN}:run_preview"
        ),
        Command("lr_find", "a learning rate for a training, with its curve, by Lightning", f"{_TRAIN}:run_lr_find"),
        Command(
            "generate",
            "write generated images in the file layout of a real data set",
            "segexp.data.synthetic.command:run_generate",
        ),
        Command(
            "compare",
            "table, differences and plots of several runs or a sweep",
            f"{_REPORT}:run_compare",
            "runs",
        ),
        Command(
            "report", "make the page of runs, and of a sweep, again from their folders", f"{_REPORT}:run_report", "run"
        ),
        Command(
            "dashboard",
            "a saved view and a report of a W&B project, or a search for W&B's agents",
            "segexp.report.dashboard.command:run_dashboard",
        ),
        Command("evaluate", "test figures of a run, several or an ensemble on any data set", f"{_INFER}:run_evaluate"),
        Command(
            "predict", "masks, probabilities, overlays and polygons of images of any size", f"{_INFER}:run_predict"
        ),
        Command(
            "export", "a file for onnxruntime, PyTorch or libtorch, compared with the model", f"{_INFER}:run_export"
        ),
        Command(
            "localize", "where a classifier sees a class: activation maps, peaks, figures", f"{_INFER}:run_localize"
        ),
        Command("from_cam", "train a segmentation on a classifier's maps: weak supervision", f"{_INFER}:run_from_cam"),
        Command("encode", "codes of images by an autoencoder, as a table", f"{_INFER}:run_encode"),
        Command("decode", "the image of a code, and where it lies among others", f"{_INFER}:run_decode"),
        Command("demo", "a local web page: drop an image, see mask, overlay and probabilities", f"{_INFER}:run_demo"),
        Command(
            "models",
            "table of all models, or of one: parameters, cost, receptive field",
            "segexp.inspection.command:run_models",
        ),
        Command(
            "data",
            "published data sets: source, licence, what to cite, their files, and what lies on disk",
            "segexp.inspection.data_sources:run_data",
            "names",
        ),
        Command(
            "weights",
            "published weights of encoders: files, sources, sha256; or what a file fits",
            "segexp.inspection.weights:run_weights",
        ),
        Command(
            "inspect",
            "what a checkpoint, weights, an export or a run folder holds and would need",
            "segexp.inspection.inspect_command:run_inspect",
            "file",
        ),
    )
}
