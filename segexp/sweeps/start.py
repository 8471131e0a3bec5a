"""What every sweep does once its jobs, or where they come from, are known: engine, runner, table."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from segexp.config.experiment import Experiment
from segexp.config.overrides.quoting import command_line, hydra_override
from segexp.config.schema import SweepConfig
from segexp.errors import Interrupted
from segexp.sweeps.display import Display
from segexp.sweeps.engines.base import JobEngine
from segexp.sweeps.engines.make import create_engine
from segexp.sweeps.foreign import words_to_resume
from segexp.sweeps.job_source import JobSource
from segexp.sweeps.layout import resume_command
from segexp.sweeps.lock import SweepLock
from segexp.sweeps.manifest import Manifest
from segexp.sweeps.run import Runner
from segexp.sweeps.seal import read_sealed, seal
from segexp.system.causes import reason_of


def run_jobs(
    manifest: Manifest,
    section: SweepConfig,
    experiments: Mapping[int, Experiment],
    lock: SweepLock,
    display: Display,
    make_source: Callable[[JobEngine], JobSource],
    count: int | None = None,
) -> int:
    """Runs jobs through the engine that the config asks for.

    Args:
        manifest: Of the sweep.
        section: The ``sweep`` section of the config.
        experiments: Of the jobs by number, see :func:`segexp.sweeps.engines.make.create_engine`.
        lock: Of the sweep's folder.
        display: Says what happens.
        make_source: Makes the source of jobs when the engine is there.
        count: Number of jobs in all, where ``experiments`` do not tell.

    Returns:
        Exit code.
    """
    needed = words_to_resume(experiments.values(), manifest.folder)
    arguments = dict.fromkeys([*read_sealed(manifest.folder), *needed, *manifest.again])
    manifest.again = [] if seal(manifest.folder, list(arguments)) else list(arguments)
    earlier = manifest.facts.get("engine", {})
    earlier = earlier if count is None else {**earlier, "count": count}
    engine = create_engine(manifest.folder, section, experiments, earlier, lock.handle)
    try:
        _import_ahead()
        manifest.facts["engine"] = {"name": section.engine, **engine.facts}
        manifest.write()
        source = make_source(engine)
        display.say(f"jobs          {count or len(experiments)}, {engine}")
        return Runner(manifest, engine, display, source).run()
    finally:
        engine.close()


@contextmanager
def told_when_interrupted(manifest: Manifest) -> Iterator[None]:
    """In this context Ctrl-C before the first job, or after the last, ends with the command that goes on.

    Raises:
        Interrupted: It came.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        line = resume_command(manifest.folder, manifest.again)
        raise Interrupted(f"interrupted; to go on: {line}") from error


def _import_ahead() -> None:
    """Imports what the table needs; the fork server is still busy with its own imports, and a processor is free."""
    import segexp.report.comparison_page.result
    import segexp.report.pictures.panels  # noqa: F401
    from segexp.report.page_template import compile_templates

    compile_templates()


def show_table(manifest: Manifest, display: Display) -> None:
    """The table over all jobs that have finished, and its files; what is wrong with it changes nothing of the jobs."""
    if not manifest.count("finished"):
        return
    from segexp.report.comparison_page.compare import compare

    try:
        comparison = compare([manifest.folder])
        display.say(f"\n{comparison.text()}\n")
        display.say("\n".join(f"summary       {path}" for path in comparison.write(manifest.folder)))
    except Exception as error:  # each job has its own results.json
        again = command_line(["compare", hydra_override("runs", [str(manifest.folder)])])
        display.say(f"note: not all of the table over the jobs was made ({reason_of(error)}); to make it: {again}")
