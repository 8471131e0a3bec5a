"""Hands a command line over to Hydra, runs the job that it composes, and says how the job was started."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segexp.cli.flags import config_dirs, flags_first, read_flags, without_config_dirs
from segexp.cli.messages import say_error, say_exception
from segexp.commands import OWN_KEYS, Command
from segexp.config.migration import as_given, for_hydra
from segexp.config.overrides.quoting import as_typed
from segexp.config.paths import conf_dir
from segexp.config.stored.trust import without_trust
from segexp.errors import ConfigError, SegexpError
from segexp.invocation import Invocation
from segexp.system.pipe import BROKEN_PIPE, output_is_closed

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 + SIGINT."""


def run_hydra(command: Command, argv: list[str], job: Callable[[Any], None]) -> None:
    """Lets Hydra compose the jobs of a command line, and turns what it raises into one line with the nearest name.

    Args:
        command: Its primary config is composed, unless a flag names another.
        argv: Arguments without the command word.
        job: Gets the config of each job, one after the other.

    Raises:
        ConfigError: What Hydra does not take.
    """
    folders, flags = config_dirs(argv), read_flags(without_config_dirs(for_hydra(argv)))
    name = flags.config_name or command.config
    try:
        if flags.asks_hydra:
            from segexp.cli.hydra_answers import answer

            answer(command.config, flags_first(argv, []))
            return
        from segexp.cli.composing import composed_jobs, searching

        with searching(Path(flags.config_path or conf_dir()), folders):
            if flags.cfg is not None:
                from segexp.cli.hydra_answers import show

                show(name, flags)
                return
            for config in composed_jobs(name, flags.overrides, sweeps=flags.multirun):
                _run_job(config, job)
    except Exception as error:
        from segexp.cli.from_run import PRIMARY
        from segexp.cli.hydra_errors import translate

        if "debug=true" in argv:
            traceback.print_exc()
        primary = PRIMARY if PRIMARY in argv else command.config
        raise translate(error, primary, argv, folders) from error


@contextmanager
def hydra_as_it_was() -> Iterator[None]:
    """Lets Hydra start in this context, in a process that may use it by itself, and leaves no trace of that."""
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig

    before = GlobalHydra.instance().hydra, HydraConfig.instance().cfg
    # Hydra serves one config per process unless what it keeps is cleared.
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        # Asked for anew: Hydra puts a copy of the instance in its place.
        GlobalHydra.instance().hydra, HydraConfig.instance().cfg = before


def _run_job(config: Any, job: Callable[[Any], None]) -> None:
    """Runs a job in the environment that its config asks for."""
    from hydra.core.utils import env_override

    from segexp.cli.composing import job_config
    from segexp.cli.hydra_keys import refuse_hydra_block

    refuse_hydra_block(config)
    plain = job_config(config)
    with env_override(dict(config.hydra.job.env_set)):
        job(plain)


def run_guarded(function: Callable[[], None], *, debug: bool) -> int:
    """Runs a job and gives its exit code; one job of a sweep must not end the others."""
    try:
        function()
    except SegexpError as error:
        if debug:
            traceback.print_exc()
        say_error(error)
        if error.exit_code == INTERRUPTED:
            # Ctrl-C ends a sweep, not one job of it.
            raise KeyboardInterrupt from error
        return error.exit_code
    except Exception as error:
        if isinstance(error, BrokenPipeError) and output_is_closed():
            return BROKEN_PIPE
        say_exception(error, debug=debug)
        return 1
    return 0


def invocation(command: Command, argv: Sequence[str], config: Any) -> Invocation:
    """Describes how this job was started, for run.json; read from Hydra while the job runs."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode
    from omegaconf import OmegaConf

    from segexp.cli.from_run import earlier
    from segexp.cli.kept_threads import kept_threads, other_threads
    from segexp.config.overrides.from_argument import taken_over

    state = HydraConfig.get()
    sweep = state.mode == RunMode.MULTIRUN
    # Taken out whole: reading them one by one would resolve the ${...} in them.
    written: list[str] = OmegaConf.to_container(state.overrides.task, resolve=False)  # type: ignore[assignment]
    own = as_given(without_trust(written))
    found = {k: str(v) for k, v in state.runtime.choices.items() if not str(k).startswith("hydra/")}
    if command.takes_training:
        # Hydra does not note a list of options; their blocks bear their names.
        found = {"metric": f"[{','.join(config.get('metric', ()))}]", **found}
    run = earlier(argv, OWN_KEYS.get(command.name)) if command.takes_training else None
    if run is not None and run.resumed and run.is_the_same(config):
        return run.gone_on(["segexp", command.name, *as_typed(as_given(argv))], own, taken_over(argv))
    if taken_over(argv) is not None:
        raise ConfigError("take_over: is for a run that goes on in its folder; with these words it becomes a new one")
    repeated = run is not None and not sweep and run.is_repeated(config)
    return Invocation(
        command=["segexp", command.name, *as_typed(as_given(argv))],
        overrides=tuple(own) if run is None else run.all_words(own, found),
        choices=found if run is None else run.chosen(found),
        sweep_dir=Path(state.sweep.dir) if sweep else None,
        job=int(state.job.num) if sweep else 0,
        notes=() if run is None else (*run.notes, *(other_threads(run.threads) if repeated else ())),
        threads=kept_threads(run.threads) if run is not None and repeated else None,
    )
