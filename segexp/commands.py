"""The table of commands: a name, a primary config, a meaning, and the function that runs it."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segexp.imports import quick_imports


@dataclass(frozen=True)
class Invocation:
    """How a job was started.

    Attributes:
        command: The command line in words.
        overrides: Overrides of this job (one value each, also in a sweep).
        choices: Option chosen in each group.
        sweep_dir: Folder of the sweep that the job belongs to, or None.
        job: Number of the job in its sweep.
        folder: Run folder to use; None: a new one with date and time.
        goes_on: Whether that folder holds the start of the same run, from whose checkpoint it goes on.
        notes: What the config has from an earlier run that its words would not give today.
        trial: Of a search: study, storage and number, and when to end early; see :mod:`segexp.training.pruning`.
    """

    command: list[str] = field(default_factory=list)
    overrides: tuple[str, ...] = ()
    choices: dict[str, str] = field(default_factory=dict)
    sweep_dir: Path | None = None
    job: int = 0
    folder: Path | None = None
    goes_on: bool = False
    trial: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()


OWN_KEYS: dict[str, dict[str, Any]] = {
    "check": {"full": False, "scope": "all", "format": "table"},
    "preview": {"images": 8, "epochs": 3, "workers": [0, 1, 2], "step": "auto"},
}
"""Keys, with their defaults, that a command has beside those of a training: conf/<command>.yaml."""


@dataclass(frozen=True)
class Command:
    """One command of ``python -m segexp``.

    Attributes:
        name: Its word.
        config: Its primary config.
        meaning: In a line.
        run: Takes the composed config and how it was started.
        operands: Key of the list that words without ``=`` make up, such as paths; None: there are no such words.
    """

    name: str
    config: str
    meaning: str
    run: Callable[[Any, Invocation], None]
    operands: str | None = None

    @property
    def takes_training(self) -> bool:
        """Whether it composes the config of a training."""
        return self.name == "train" or self.name in OWN_KEYS


def _plain(config: Any, schema: type) -> dict[str, Any]:
    """Resolves a composed config and checks it whole; nothing heavy is imported."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from segexp.config.check import check_config
    from segexp.errors import ConfigError

    try:
        plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    except OmegaConfBaseException as error:
        first = str(error).splitlines()[0]
        if (missing := re.search(r"Missing mandatory value: ([\w.]+)", first)) is not None:
            key = missing[1]
            raise ConfigError(f"{key}: must be given; add {key}=<value> to the command") from error
        raise ConfigError(f"{error.full_key or 'config'}: {first}") from error
    _refuse_left_over(plain)
    check_config(plain, schema)
    # It holds for the command, see segexp.config.trust, and is no part of what a run is.
    plain.pop("trust", None)
    return plain


def _refuse_left_over(plain: dict[str, Any]) -> None:
    """A resolved value that still reads as a reference would be resolved again where its object is built."""
    from segexp.config.plain_values import texts
    from segexp.errors import ConfigError

    for key, text in texts(plain, ""):
        if "${" in text:
            raise ConfigError(f"{key}: found {text!r}, which still reads as a reference; write the value itself")


def checked_train(config: Any, schema: type | None = None, command: Sequence[str] | None = None) -> dict[str, Any]:
    """A composed config of a training, resolved and checked.

    Args:
        config: As Hydra composed it.
        command: The command line in words: what was asked for must have an effect. None: nobody asked.
        schema: Of a command that has keys of its own beside those of a training.

    Raises:
        ConfigError: Names every wrong key.
    """
    from segexp.config.monitors import check_monitors
    from segexp.config.overruled import refuse_overruled
    from segexp.config.schema import TrainConfig

    plain = _plain(config, schema or TrainConfig)
    _check_names(plain)
    check_monitors(plain)
    if command is not None:
        refuse_overruled(plain, command)
    return plain


def _check_names(plain: dict[str, Any]) -> None:
    """Names of folders below ``output_dir`` stay below it."""
    from segexp.config.stored import wrong_name
    from segexp.errors import ConfigError

    for key, name in (("name", plain["name"]), ("sweep.study", plain["sweep"].get("study"))):
        if name is not None and (why := wrong_name(name)):
            raise ConfigError(f"{key}: found {name!r}, {why}; for another place give output_dir=<folder>")


def _train(config: Any, invocation: Invocation) -> None:
    run_training(checked_train(config, command=invocation.command), invocation)


def run_training(plain: dict[str, Any], invocation: Invocation) -> None:
    """Runs one experiment from a checked and resolved config; torch is imported here, or in the ranks it starts."""
    from segexp.ranks.plan import to_start

    if ranks := to_start(plain["trainer"]):
        from segexp.ranks.launch import launch

        launch(plain, invocation, ranks)
        return
    from segexp.allocator import tune_allocator

    # Before torch takes its first large block, or the setting comes too late.
    allocator = tune_allocator(plain["speed"]["allocator"])
    with quick_imports():
        from segexp.training.train import train

    train(plain, invocation, allocator=allocator)


def _check(config: Any, invocation: Invocation) -> None:
    from segexp.config.groups import ORDER
    from segexp.config.schema import CheckConfig

    plain = checked_train(config, CheckConfig, invocation.command)
    own = {key: plain.pop(key, default) for key, default in OWN_KEYS["check"].items()}
    chosen = {key: invocation.choices[key] for key in ORDER if invocation.choices.get(key, "None") != "None"}
    told: dict[str, Any] = {"ok": True, "problems": []}
    text = ""
    if own["scope"] != "config":
        with quick_imports():
            from segexp.training.check import check

        told, text = check(plain, full=own["full"], scope=own["scope"])
    if own["format"] == "json":
        print(json.dumps({"config": {**chosen, "monitor": plain["monitor"]}, **told}))  # noqa: T201 - the answer
    else:
        words = ", ".join(f"{key}={value}" for key, value in chosen.items())
        line = f"{'config is valid' if told['ok'] else 'config'}: {words}; monitor {plain['monitor']}"
        print("\n\n".join(block for block in (text, line) if block))  # noqa: T201 - the command's answer
    if not told["ok"]:
        from segexp.training.check import refused

        refused(told)


def _preview(config: Any, invocation: Invocation) -> None:
    from segexp.config.schema import PreviewConfig

    plain = checked_train(config, PreviewConfig, invocation.command)
    own = {key: plain.pop(key, default) for key, default in OWN_KEYS["preview"].items()}
    chosen = any(word.split("=", 1)[0].lstrip("+").split(".")[0] == "model" for word in invocation.overrides)
    from segexp.allocator import tune_allocator

    allocator = tune_allocator(plain["speed"]["allocator"])
    with quick_imports():
        from segexp.training.preview import preview

    step = chosen if own["step"] == "auto" else own["step"]
    print(preview(plain, own, invocation, step=step, allocator=allocator))  # noqa: T201 - the answer


def _generate(config: Any, invocation: Invocation) -> None:
    from segexp.config.command_schema import GenerateConfig

    plain = _plain(config, GenerateConfig)
    plain.pop("debug")
    from segexp.data.generate import generate

    files = generate(**plain)
    print(f"wrote {len(files)} files below {plain['out']}")  # noqa: T201 - the command's answer


def _models(config: Any, invocation: Invocation) -> None:
    from segexp.config.command_schema import ModelsConfig
    from segexp.config.model_options import chosen_model, listed_models
    from segexp.errors import ConfigError

    plain = _plain(config, ModelsConfig)
    section = plain.get("model")
    if section is not None and plain["only"] is not None:
        raise ConfigError("only: found beside model=; give model= for one model, only= for some of the table")
    name = invocation.choices.get("model", "model")
    options = listed_models(plain["only"]) if section is None else [chosen_model(name, section, invocation.overrides)]
    with quick_imports():
        from segexp.inspection.show import show

    text = show(options, plain["size"], plain["in_channels"], plain["classes"], plain["format"])
    print(text)  # noqa: T201 - the command's answer


def _compare(config: Any, invocation: Invocation) -> None:
    from segexp.config.command_schema import CompareConfig

    plain = _plain(config, CompareConfig)
    from segexp.reporting.compare import compare, place_of

    found = compare(plain["runs"], plain["measure"], plain["base"], plain["resamples"], plain["seed"])
    print(found.text())  # noqa: T201 - the command's answer
    files = found.write(place_of(plain["runs"], plain["out"]))
    print("\n" + "\n".join(map(str, files)))  # noqa: T201


def _report(config: Any, invocation: Invocation) -> None:
    from segexp.config.command_schema import ReportConfig

    plain = _plain(config, ReportConfig)
    from segexp.reporting.again import write_reports

    pages, failed = write_reports(plain["run"])
    print("\n".join([*map(str, pages), *(f"no page: {line}" for line in failed)]))  # noqa: T201 - the command's answer
    if plain["open"]:
        import webbrowser

        webbrowser.open(pages[-1].resolve().as_uri())


def _with_data(config: Any, schema: type) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The checked config of a command without ``datamodule``, and that section as it was given."""
    from omegaconf import OmegaConf

    # Single keys of the run's own data set are checked when it is known.
    whole: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment] # a mapping
    given = whole.get("datamodule")
    if given is not None and "_target_" not in given:
        config = OmegaConf.masked_copy(config, [key for key in whole if key != "datamodule"])
    plain = _plain(config, schema)
    plain.pop("datamodule", None)
    return plain, given


def _evaluate(config: Any, invocation: Invocation) -> None:
    from segexp.config.command_schema import EvaluateConfig

    plain, given = _with_data(config, EvaluateConfig)
    from segexp.allocator import tune_allocator

    tune_allocator("auto")
    with quick_imports():
        from segexp.use.evaluation.command import evaluate

    evaluate({"metric": None, **plain}, given, invocation)


def _export(config: Any, invocation: Invocation) -> None:
    from segexp.config.command_schema import ExportConfig

    plain, given = _with_data(config, ExportConfig)
    from segexp.allocator import tune_allocator

    tune_allocator("auto")
    with quick_imports():
        from segexp.use.export.command import export

    print(export(plain, given))  # noqa: T201 - the command's answer


def _predict(config: Any, invocation: Invocation) -> None:
    from segexp.config.command_schema import PredictConfig

    plain = _plain(config, PredictConfig)
    from segexp.allocator import tune_allocator

    tune_allocator("auto")
    with quick_imports():
        from segexp.use.prediction.command import predict

    print(predict(plain))  # noqa: T201 - the command's answer


def _demo(config: Any, invocation: Invocation) -> None:
    from segexp.config.command_schema import DemoConfig

    plain = _plain(config, DemoConfig)
    from segexp.allocator import tune_allocator

    tune_allocator("auto")
    with quick_imports():
        from segexp.use.demo.command import demo

    demo(plain)


COMMANDS = {
    command.name: command
    for command in (
        Command("train", "train", "train, validate, test and explain one experiment (the default)", _train),
        Command("check", "check", "check config, data, model and loss of a training, write nothing", _check),
        Command("preview", "preview", "contact sheet of training samples, their classes, speed of loading", _preview),
        Command("generate", "generate", "write generated images in the file layout of a real data set", _generate),
        Command(
            "compare", "compare", "table, paired differences and plots of several runs or a sweep", _compare, "runs"
        ),
        Command("report", "report", "make the page of runs, and of a sweep, again from their folders", _report, "run"),
        Command("evaluate", "evaluate", "test figures of a run, several or an ensemble on any data set", _evaluate),
        Command("predict", "predict", "masks, probabilities, overlays and polygons of images of any size", _predict),
        Command("export", "export", "a file for onnxruntime, PyTorch or libtorch, compared with the model", _export),
        Command("demo", "demo", "a local web page: drop an image, see mask, overlay and probabilities", _demo),
        Command("models", "models", "table of all models, or of one: parameters, cost, receptive field", _models),
    )
}
