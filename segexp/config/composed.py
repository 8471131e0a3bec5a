"""From what Hydra composed to a plain config that is checked whole; nothing heavy is imported."""

import re
import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

from segexp.config.experiment import Experiment
from segexp.config.overrides.quoting import shell_word
from segexp.config.schema import ObjectConfig, TrainConfig
from segexp.config.sections import structured
from segexp.invocation import Invocation
from segexp.system.garbage import garbage_kept

T = TypeVar("T")
C = TypeVar("C", bound=TrainConfig)


def checked(config: Any, schema: type[T]) -> T:
    """Resolves a composed config, checks it whole, and gives it as the dataclass of its command.

    Raises:
        ConfigError: Names every wrong key.
    """
    return structured(schema, plain_config(config, schema))


@garbage_kept()
def plain_config(config: Any, schema: type, words: Sequence[str] = ()) -> dict[str, Any]:
    """Resolves a composed config and checks it whole; nothing heavy is imported.

    Args:
        config: As Hydra composed it.
        schema: The dataclass of its command.
        words: Those that it was composed of; a class that one of them gives leaves keys of the option out.

    Raises:
        ConfigError: Names every wrong key.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from segexp.config.checks.tree import check_config
    from segexp.config.migration import changes, migrated
    from segexp.config.retargeted import without_left_over
    from segexp.errors import ConfigError

    try:
        plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    except OmegaConfBaseException as error:
        first = str(error).splitlines()[0]
        if (missing := re.search(r"Missing mandatory value: ([\w.]+)", first)) is not None:
            key = missing[1]
            raise ConfigError(f"{key}: must be given; add {key}=<value> to the command") from error
        raise ConfigError(f"{error.full_key or 'config'}: {first}") from error
    lines = [f"{line}; write the new name, the old one works until version 0.3" for line in changes(plain)]
    _refuse_nameless(plain)
    plain, left_out = without_left_over(migrated(plain), words)
    for line in (*lines, *left_out):
        print(f"segexp: note: {line}", file=sys.stderr)  # noqa: T201
    _refuse_left_over(plain)
    try:
        check_config(plain, schema)
    except ConfigError as error:
        told = _as_written(_without_derived(str(error), config), schema)
        raise ConfigError(_with_values(told, words)) from error
    # It holds for the command, see segexp.config.stored.trust, and is no part of what a run is.
    plain.pop("trust", None)
    return plain


def _as_written(problems: str, schema: type) -> str:
    """Says of keys that must be given how the command is written."""
    from segexp.config.command_schema import MUST_BE_GIVEN

    ways = MUST_BE_GIVEN.get(schema, {})
    lines = (line.partition(": must be given; ") for line in problems.splitlines())
    return "\n".join(f"{key}{found}{ways.get(key, rest) if found else rest}" for key, found, rest in lines)


_PROPOSED = re.compile(r"([\w.]+): no such key\. Did you mean '([\w.]+)'\?")


def _with_values(problems: str, words: Sequence[str]) -> str:
    """Proposes a key that was typed with a ``+``, or may be new, as a word with the value that it was given."""
    typed = {word.partition("=")[0].lstrip("+"): word for word in words if "=" in word}
    return "\n".join(
        f"{line}{_in_place_of(typed[meant[1]], meant[2])}" if meant is not None and meant[1] in typed else line
        for line in problems.splitlines()
        for meant in [_PROPOSED.fullmatch(line)]
    )


def _in_place_of(word: str, key: str) -> str:
    # With ++ it holds whether or not a YAML lists the key.
    mark = "++" if word[0] == "+" else ""
    return f" Write {shell_word(mark + key + '=' + word.partition('=')[2])}"


_REFERENCE = re.compile(r"\$\{([\w.]+)\}")


def _without_derived(problems: str, config: Any) -> str:
    """Leaves out the problems of keys that are references to another key with a problem: ``datamodule.seed``."""
    from omegaconf import OmegaConf

    from segexp.config.nested import flatten

    written = dict(flatten(OmegaConf.to_container(config, resolve=False)))
    lines = [(line.partition(":")[0], line) for line in problems.splitlines()]
    wrong = {key for key, _ in lines}
    refers = {key: found[1] for key in wrong if (found := _REFERENCE.fullmatch(str(written.get(key)))) is not None}
    return "\n".join(line for key, line in lines if refers.get(key) not in wrong)


def _refuse_nameless(plain: dict[str, Any]) -> None:
    """Refuses a class where blocks with a name each are expected: ``metric._target_``, not ``metric.my._target_``."""
    from segexp.errors import ConfigError

    for section in ("metric", "callbacks", "logger"):
        if isinstance(block := plain.get(section), dict) and "_target_" in block:
            target = block["_target_"]
            raise ConfigError(
                f"{section}._target_: found {target}, but {section} holds a block for each, under a name of your "
                f"choice; write {section}.my._target_={target}, and its keys as {section}.my.<key>=<value>"
            )


def _refuse_left_over(plain: dict[str, Any]) -> None:
    """A resolved value that still reads as a reference would be resolved again where its object is built."""
    from segexp.config.stored.plain_values import texts
    from segexp.errors import ConfigError

    for key, text in texts(plain, ""):
        if "${" in text:
            raise ConfigError(f"{key}: found {text!r}, which still reads as a reference; write the value itself")


def checked_train(
    config: Any, invocation: Invocation | None = None, schema: type[TrainConfig] = TrainConfig
) -> Experiment:
    """Resolves and checks the composed config of a training, and makes the experiment of it.

    Args:
        config: As Hydra composed it.
        invocation: How it was started: what its command line asks for must have an effect. None: nobody asked.
        schema: Of a command that has keys of its own beside those of a training.

    Raises:
        ConfigError: Names every wrong key.
    """
    return Experiment.from_plain(_checked_training(config, schema, invocation), invocation)


def checked_with_own(config: Any, schema: type[C], invocation: Invocation) -> tuple[Experiment, C]:
    """Resolves and checks the config of a command that takes that of a training, and has keys of its own beside it.

    Raises:
        ConfigError: Names every wrong key.
    """
    plain = _checked_training(config, schema, invocation)
    own = structured(schema, plain)
    shared = {field.name for field in fields(TrainConfig)}
    return Experiment.from_plain({key: value for key, value in plain.items() if key in shared}, invocation), own


def _checked_training(config: Any, schema: type[TrainConfig], invocation: Invocation | None) -> dict[str, Any]:
    from segexp.config.checks.monitors import check_monitors
    from segexp.config.checks.overruled import refuse_overruled
    from segexp.config.checks.plain_parts import used_parts
    from segexp.config.checks.task_fit import check_task_fit
    from segexp.config.checks.trainer import check_trainer_keys

    command = invocation.command if invocation is not None else ()
    words = () if invocation is None else (*invocation.command, *invocation.overrides)
    plain = used_parts(plain_config(config, schema, words), command)
    _check_names(plain)
    check_monitors(plain)
    check_trainer_keys(plain)
    if invocation is not None:
        refuse_overruled(plain, command)
        if _trains_together(plain, schema):
            check_task_fit(plain, invocation)
    return plain


def _trains_together(plain: dict[str, Any], schema: type[TrainConfig]) -> bool:
    """Whether a command trains the parts: one may look at data alone, or at each part by itself."""
    from segexp.config.schema import PreviewConfig

    return schema is not PreviewConfig and plain.get("scope") not in ("data", "contracts")


def _check_names(plain: dict[str, Any]) -> None:
    """Names of folders below ``output_dir`` stay below it."""
    from segexp.config.stored.tree import wrong_name
    from segexp.errors import ConfigError

    for key, name in (("name", plain["name"]), ("sweep.study", plain["sweep"].get("study"))):
        if name is not None and (why := wrong_name(name)):
            raise ConfigError(f"{key}: found {name!r}, {why}; for another place give output_dir=<folder>")


def checked_with_data(config: Any, schema: type[T]) -> tuple[T, ObjectConfig | None]:
    """Checks the config of a command without ``datamodule``, and gives that section as it was given beside it."""
    from omegaconf import OmegaConf

    # Single keys of the run's own data set are checked when it is known.
    whole: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment] # a mapping
    given = whole.get("datamodule")
    if given is not None and "_target_" not in given:
        config = OmegaConf.masked_copy(config, [key for key in whole if key != "datamodule"])
    plain = plain_config(config, schema)
    plain.pop("datamodule", None)
    return structured(schema, plain), given
