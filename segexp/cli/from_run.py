"""``from=<run folder>``, and ``resume=<run folder>`` alone: an earlier experiment, of which new words change a part.

What Hydra starts from is the stored config with the references of today's YAML put back (:mod:`segexp.cli.restore`):
without new words it is the stored config, and a word such as ``seed=1`` moves all that derives from it.
"""

import atexit
import shutil
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from segexp.cli.flags import config_dirs
from segexp.cli.kept_threads import kept_threads, other_threads, recorded_threads
from segexp.cli.rerun_notes import left_out, refuse_left_behind, rerun_notes
from segexp.cli.restore import restore
from segexp.config.harmless import HARMLESS, changed_keys, is_in_block
from segexp.config.migration import migrated_stored, migration_note
from segexp.config.overrides.from_argument import KEY, TAKE_OVER, given, resumed_run, run_folder, without_own
from segexp.config.overrides.groups import LISTS, groups
from segexp.config.overrides.quoting import hydra_override as word_of
from segexp.config.overrides.recompose import below, key_of, recompose, shipped_references, usable
from segexp.config.paths import conf_dir
from segexp.config.stored.arguments import check_choices
from segexp.config.stored.check import check_overrides, check_stored
from segexp.config.stored.trust import KEY as TRUST
from segexp.config.stored.trust import trusted_packages, typed_keys
from segexp.errors import ConfigError, StoredError
from segexp.invocation import Invocation
from segexp.runs.json_yaml import read_json, read_yaml
from segexp.runs.near_runs import near_runs
from segexp.runs.text import printable, shortened

STORED = "from/run"
"""Name under which Hydra finds a block of the earlier run beside the options of its group."""
PRIMARY = "from_run"
"""Name of the config that Hydra starts from."""
_SWEEPS = ("-m", "--multirun")


@dataclass(frozen=True)
class Earlier:
    """The run that a command starts from.

    Attributes:
        folder: Its folder.
        place: Folder of the config that Hydra starts from.
        choices: Option that it had in each group.
        words: Its overrides; ``+`` and ``~`` among them.
        notes: What is not as its words would give it today, in words.
        body: Its config, with references in place.
        recorded: Its overrides as it has them.
        origin: What its config says of ``resume``.
        resumed: Whether the command goes on with it, by ``resume=`` without ``from=``.
        threads: How many threads it had; None: it does not say.
    """

    folder: Path
    place: Path
    choices: Mapping[str, str]
    words: tuple[str, ...]
    notes: tuple[str, ...]
    body: Mapping[str, Any]
    recorded: tuple[str, ...]
    origin: str | None = None
    resumed: bool = False
    threads: int | None = None

    def is_the_same(self, config: Any) -> bool:
        """Tells whether a composed config is that of the run, so that it may go on in its folder."""
        return not self._changed(config)

    def is_repeated(self, config: Any) -> bool:
        """Tells whether a composed config trains what the run has trained, perhaps under another name."""
        return {*self._changed(config)} <= {"name", "output_dir"}

    def _changed(self, config: Any) -> list[str]:
        before, now = (
            OmegaConf.to_container(OmegaConf.create(tree), resolve=True) for tree in (dict(self.body), config)
        )
        return changed_keys(now, before) if isinstance(before, dict) and isinstance(now, dict) else ["all"]

    def gone_on(self, command: list[str], new: Sequence[str], take_over: str | None) -> Invocation:
        """Gives the start of a run that goes on in its folder; ``new`` are overrides, harmless ones among them."""
        harmless = [word for word in new if is_in_block(key_of(word), HARMLESS) and word not in self.recorded]
        return Invocation(
            command=command, overrides=(*self.recorded, *harmless), choices=dict(self.choices),
            folder=self.folder, goes_on=True, origin=self.origin, take_over=take_over,
            threads=kept_threads(self.threads), notes=other_threads(self.threads),
        )  # fmt: skip

    def chosen(self, now: Mapping[str, str]) -> dict[str, str]:
        """Options of the new run, by those that Hydra tells: a block taken over has the name that it had."""
        kept = {g: c for g, c in self.choices.items() if now.get(g, STORED) in (STORED, "None")}
        return {g: c for g, c in now.items() if STORED not in c and g not in kept} | kept

    def all_words(self, new: Sequence[str], now: Mapping[str, str]) -> tuple[str, ...]:
        """The words that give the new run: those of the earlier one that still hold, and the new ones."""
        gone = {key_of(word) for word in new}
        # What another option took the place of, by its word or by an experiment.
        gone |= {g for g, c in now.items() if g in self.choices and g not in LISTS and c not in (STORED, "None")}
        return (*(word for word in self.words if not any(below(key_of(word), key) for key in gone)), *new)


def earlier(argv: Sequence[str], own: Mapping[str, Any] | None = None) -> Earlier | None:
    """The run that a command line starts from, or goes on with; None without ``from=`` and ``resume=``.

    Args:
        argv: Arguments without the command word.
        own: Keys of the command that a training does not have, with their defaults.

    Raises:
        ConfigError: The folder holds no run, or a new word would leave keys behind that derive from it.
    """
    word = given(argv)
    folder = run_folder(word) if word is not None else resumed_run(argv)
    if folder is None:
        return None
    argv = [text for text in argv if not text.startswith(TAKE_OVER)]
    asked = frozenset(key_of(text) for text in argv if not text.startswith(("-", KEY)) and ("=" in text or "~" in text))
    sweeps = any(flag in argv for flag in _SWEEPS) or "sweep" in asked
    extra = tuple(config_dirs(list(argv)))
    state = tuple(_stamp(folder / name) for name in ("config.yaml", "run.json"))
    trusted, typed = trusted_packages(argv), typed_keys(argv)
    found = _prepared(folder, state, asked, trusted, typed, extra, sweeps, _Own(own or {}))
    return replace(found, resumed=word is None)


def expand(argv: list[str], own: Mapping[str, Any] | None = None) -> list[str]:
    """Replaces the word that names a run by the flags that make Hydra start from that run's experiment.

    Args:
        argv: Arguments without the command word.
        own: Keys of the command that a training does not have, with their defaults.

    Raises:
        ConfigError: As :func:`earlier`.
    """
    found = earlier(argv, own)
    if found is None:
        return argv
    return ["--config-dir", str(found.place), "--config-name", PRIMARY, *without_own(argv)]


def _record(folder: Path) -> dict[str, Any]:
    """run.json; empty where there is none, or none that can be read."""
    try:
        content = read_json(folder / "run.json")
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _choices(record: Mapping[str, Any]) -> dict[str, str]:
    found = record.get("choices")
    return {str(g): c for g, c in found.items() if isinstance(c, str)} if isinstance(found, dict) else {}


def _stored(folder: Path) -> dict[str, Any]:
    """The config of a run.

    Raises:
        ConfigError: There is none, or it is no block of keys.
    """
    path = folder / "config.yaml"
    if not path.is_file():
        near = near_runs(KEY.removesuffix("="), folder)
        usual = "give the folder of a run, outputs/<name>/<date>_<time>_<id>"
        raise ConfigError(f"{KEY}{folder}: no file {path}; {usual}{near}")
    try:
        content = read_yaml(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: is no config of a run: {' '.join(str(error).split())}; was it edited?") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ConfigError(f"{path}: is no config of a run, which is a block of keys; give the folder of a run")
    return content


class _Own(dict[str, Any]):
    """Keys of a command, which :func:`functools.cache` tells apart by their names."""

    def __hash__(self) -> int:  # type: ignore[override] # never changed
        return hash(tuple(self))


def _stamp(path: Path) -> tuple[Path, int]:
    """A file in the state that it is in."""
    return path.absolute(), path.stat().st_mtime_ns if path.is_file() else 0


@cache
def _prepared(
    folder: Path,
    state: tuple[tuple[Path, int], ...],
    asked: frozenset[str],
    trusted: frozenset[str],
    typed: frozenset[str],
    extra: tuple[str, ...],
    sweeps: bool,
    own: _Own,
) -> Earlier:
    """Once for each command line; a search composes many times."""
    written, record = _stored(folder), _record(folder)
    stored = migrated_stored(written, folder / "config.yaml")
    check_stored(stored, folder / "config.yaml", trusted, typed=typed)
    chosen, arguments = _choices(record), usable(record.get("overrides") or ())
    check_choices(chosen, folder / "run.json")
    check_overrides(arguments, folder / "run.json", trusted, typed=typed)
    recorded = isinstance(record.get("overrides"), list) and bool(chosen)
    today = recompose(arguments if recorded else (), chosen if recorded else {}, extra)
    blocks = groups()
    unknown = [key for key in stored if key in blocks and (key in today.missing or not recorded)]
    # How a sweep is run is of the command, and so is whom it trusts.
    kept_sweep, now = stored.pop("sweep", None), {k: v for k, v in today.tree.items() if k not in ("sweep", TRUST)}
    stored.pop(TRUST, None)
    if recorded and now.get("name") is None and stored.get("name") == _made_name(chosen):
        # It is made of the options once more, which may be others.
        stored["name"] = None
    found = restore(stored, now, asked, unknown, shipped_references())
    refuse_left_behind(found, asked, folder, today)
    lines = [
        *_migration(written),
        *rerun_notes(found, folder, today, recorded=recorded),
        *left_out(arguments, asked, blocks),
    ]
    given_now = {**({TRUST: []} if TRUST in today.tree else {}), **own}
    body = {**found.tree, "resume": None, **given_now}
    _require_blocks(body, folder / "config.yaml")
    # A single run takes no notice of the sweep's keys; where there is one, a stored engine could start anything.
    sweep = None if sweeps or not isinstance(kept_sweep, dict) else {**kept_sweep, "resume": None}
    # What they lack would make another run of them.
    more = [word_of(key, one) for key, (one, _) in found.kept.items() if key in found.alone and key not in asked]
    held = (*today.words, *more) if recorded else ()
    written_words = record.get("overrides")
    return Earlier(
        folder, _written(body, sweep), chosen, held, tuple(lines), body={k: v for k, v in body.items() if k not in own},
        origin=str(stored["resume"]) if stored.get("resume") else None,
        recorded=tuple(map(str, written_words)) if isinstance(written_words, list) else (),
        threads=recorded_threads(record),
    )  # fmt: skip


def _migration(written: Mapping[str, Any]) -> list[str]:
    """That the stored config is of an earlier version."""
    note = migration_note(written)
    return [] if note is None else [note]


def _made_name(chosen: Mapping[str, str]) -> str:
    """The name of a run that was given none."""
    return "_".join(chosen.get(group) or "custom" for group in ("datamodule", "model", "loss"))


def _require_blocks(body: Mapping[str, Any], path: Path) -> None:
    """Refuses a group with anything but a block of keys, which is no option that Hydra could read."""
    for group in groups():
        if body.get(group) and not isinstance(body[group], Mapping):
            found = shortened(printable(repr(body[group])), 80)
            raise StoredError(f"{path}: {group}: found {found}, expected a block of keys; was it edited?")


def _written(body: dict[str, Any], sweep: dict[str, Any] | None) -> Path:
    """A folder with a config whose blocks are options of their groups, so that another option replaces one whole."""
    place = Path(tempfile.mkdtemp(prefix="segexp_from_"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    ours = yaml.safe_load((conf_dir() / "train.yaml").read_text(encoding="utf-8"))
    blocks = {**body, **({"sweep": sweep} if sweep is not None else {})}
    defaults: list[Any] = []
    for entry in ours["defaults"]:
        group = next(iter(entry)) if isinstance(entry, dict) else ""
        defaults.append({group: _option(group, blocks)} if group in (*LISTS, *blocks, "experiment") else entry)
        if group in blocks and (group in LISTS or blocks[group]):
            _dump(place / group / f"{STORED}.yaml", blocks.pop(group) or {}, f"# @package {group}\n")
    _dump(place / f"{PRIMARY}.yaml", {"defaults": defaults, **blocks, "hydra": ours["hydra"]})
    return place


def _option(group: str, blocks: Collection[str]) -> str | list[str] | None:
    """What the defaults list names of a group."""
    if group in LISTS:
        return [STORED] if group in blocks else []
    return STORED if group in blocks else None


def _dump(path: Path, content: Mapping[str, Any], head: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(head + yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True), encoding="utf-8")


def own_data(argv: list[str]) -> list[str]:
    """``datamodule.root=...`` as ``+datamodule.root=...`` where no data set is chosen: it changes the run's own."""
    if any(argument.startswith("datamodule=") for argument in argv):
        return argv
    return [f"+{argument}" if argument.startswith("datamodule.") else argument for argument in argv]
