"""The command dashboard: a view and a report of a W&B project, and a search for W&B's agents."""

import importlib.util
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from segexp.config.command_schema import DashboardConfig
from segexp.config.composed import checked
from segexp.config.overrides.quoting import shell_word
from segexp.config.signatures.plain_lightning import direction_of_words
from segexp.config.signatures.task_figures import SEGMENTATION, watched_direction
from segexp.errors import ConfigError, MissingExtraError, SegexpError, UserError, one_line
from segexp.invocation import Invocation
from segexp.runs.files import replace_file
from segexp.runs.text import printable, utf8
from segexp.spec import Direction
from segexp.system.wandb_key import has_key

SWEEP = Path(__file__).with_name("wandb_sweep.yaml")
PROJECT = "segexp"
"""Project of a run for which nothing else is said."""
PACKAGES = ("wandb", "wandb_workspaces")
OTHER_TASKS = ("segexp.tasks.classification.Classification", "segexp.tasks.reconstruction.Reconstruction")
"""Those of segexp that log other figures than a segmentation."""
OFFLINE = ("offline", "dryrun", "disabled")
_FORBIDDEN = re.compile(r"[/\\#?%:]")
LONGEST_NAME = 128
"""Letters of a project and of a title, as W&B has it."""


def run_dashboard(config: Any, invocation: Invocation) -> None:
    """Makes what is asked for, and prints where it is.

    Raises:
        UserError: A package or the key is missing, W&B does not answer, or a file is there already; nothing is sent.
    """
    asked = checked(config, DashboardConfig)
    project = asked.project or os.environ.get("WANDB_PROJECT") or PROJECT
    entity = asked.entity or os.environ.get("WANDB_ENTITY") or None
    _check_names(project, asked)
    sent = [kind for kind in asked.write if kind != "sweep"]
    if sent:
        check_can_send()
    searched = "sweep" in asked.write
    # All that can be refused comes first, then what may fail on the way, and the file last: one that is left from a
    # failed try would forbid the next.
    text = _sweep_text(Path(asked.out), asked.measure, project, entity) if searched else ""
    lines = _sent(asked, sent, project, entity) if sent else []
    lines += _write_sweep(Path(asked.out), text) if searched else []
    if searched and not _better(f"val/{asked.measure}")[1]:
        lines.append(
            f"           no segmentation logs {asked.measure}: say the task there, and models and losses of it"
        )
    print("\n".join(map(printable, lines)))  # noqa: T201 - the command's answer


def _check_names(project: str, asked: DashboardConfig) -> None:
    if not asked.write:
        raise ConfigError("write: found [], expected workspace, report, sweep or several")
    if _FORBIDDEN.search(project) or not 0 < len(project) <= LONGEST_NAME:
        raise ConfigError(
            f"project: found {project!r}, expected a name of 1 to {LONGEST_NAME} letters without / \\ # ? % :; "
            "the user or team is the key entity"
        )
    if not 0 < len(asked.name) <= LONGEST_NAME:
        raise ConfigError(f"name: found {len(asked.name)} letters, expected 1 to {LONGEST_NAME}")
    if not asked.measure or asked.measure.partition("/")[0] in ("train", "val", "test", "best"):
        raise ConfigError(
            f"measure: found {asked.measure!r}, expected a measure without its phase, such as miou or dice/vessel"
        )


def check_can_send() -> None:
    """Checks that the packages are there and a key is set, before anything is imported or sent.

    Raises:
        MissingExtraError: A package is missing.
        UserError: There is no key, or W&B is switched off.
    """
    missing = [name.replace("_", "-") for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(f"dashboard: {' and '.join(missing)} not installed; pip install 'segexp[wandb]'")
    if (mode := os.environ.get("WANDB_MODE", "")) in OFFLINE:
        raise UserError(f"dashboard: WANDB_MODE={mode} says that nothing is sent; unset it to make a dashboard online")
    if not has_key():
        raise UserError(
            "dashboard: no key of W&B is set, so nothing was sent; `wandb login` keeps one, or set WANDB_API_KEY. "
            "Without an account, `python -m segexp report outputs` makes gallery.html of all runs"
        )


def _sent(asked: DashboardConfig, kinds: Sequence[str], project: str, entity: str | None) -> list[str]:
    """Sends views and reports; each in a line with its address."""
    # wandb prints an address of its own for each, in other words.
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb

    try:
        entity = entity or wandb.Api(timeout=asked.timeout).default_entity
        if not entity:
            raise UserError("entity: the key of W&B has no default one; say which user or team: entity=...")
        from segexp.report.dashboard.templates import DashboardPlace, report, workspace

        place = DashboardPlace(entity, project, asked.name, asked.group)
        make = {"workspace": workspace, "report": report}
        saved = {kind: make[kind](place, asked.measure, asked.parameters).save() for kind in kinds}
    except SegexpError:
        raise
    except Exception as error:  # wandb and its transports raise errors of many kinds
        raise UserError(
            f"dashboard: W&B has not taken it ({one_line(error)}); expected an answer, a key that it knows and a "
            f"project {f'{entity}/{project}' if entity else project} with a run"
        ) from error
    return [f"{kind:<10} {made.url}" for kind, made in saved.items()]


def _sweep_text(target: Path, measure: str, project: str, entity: str | None) -> str:
    """The search, with the project and the measure in it.

    Raises:
        UserError: There is such a file already.
        ConfigError: Nothing says whether more or less of the measure is better.
    """
    if target.exists():
        raise UserError(f"out: {target} is there already, and it may be edited; give another name, or remove it")
    text = SWEEP.read_text(encoding="utf-8")
    named = f"project: {_yaml(project)}" + (f"\nentity: {_yaml(entity)}" if entity else "")
    text = re.sub(r"^project: .*$", lambda _: named, text, count=1, flags=re.MULTILINE)
    return _with_measure(text, measure)


def _write_sweep(target: Path, text: str) -> list[str]:
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_file(target, utf8(text))
    return [
        f"sweep      {target}",
        f"           wandb sweep {shell_word(str(target))}   prints the command of an agent",
    ]


def _with_measure(text: str, measure: str) -> str:
    """The search by another measure, which then chooses the checkpoints of its runs too."""
    if measure == "miou":
        return text
    name = f"val/{measure}"
    goal = "minimize" if _better(name)[0] == "min" else "maximize"
    text = text.replace("name: val/miou ", f"name: {_yaml(name)} ").replace("goal: maximize", f"goal: {goal}")
    return text.replace("  - ${args_no_hyphens}", f"  - {_yaml(f'monitor={name}')}\n  - ${{args_no_hyphens}}")


def _better(name: str) -> tuple[Direction, bool]:
    """Whether more or less of a measure is better, and whether a segmentation logs it.

    As the first of segexp's tasks says that logs it, else by the words in its name: a task of the user's own, or any
    LightningModule, may log it.

    Raises:
        ConfigError: No task logs it, and no word in it tells.
    """
    try:
        return watched_direction(name, SEGMENTATION), True
    except ConfigError as refused:
        for task in OTHER_TASKS:
            with suppress(ConfigError):
                return watched_direction(name, task), False
        if (way := direction_of_words(name)) is None:
            raise refused
        return way, False


def _yaml(name: str) -> str:
    """A name as YAML has it, in quotes where it needs them."""
    return str(yaml.safe_dump(name, width=1000, allow_unicode=True)).partition("\n")[0]
