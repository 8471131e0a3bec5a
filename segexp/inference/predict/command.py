"""``predict``: a model on many files, each finished or not there; what became of each stands in the summary."""

import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from tqdm import tqdm

from segexp.config.command_schema import PredictConfig
from segexp.data.file_kinds import describe_kinds
from segexp.errors import SegexpError
from segexp.inference.model import Model
from segexp.inference.predict.engines.base import PROGRESS_BARS, make_prediction_engine
from segexp.inference.predict.inputs import Input, find_inputs
from segexp.inference.predict.output.polygons import check_polygons
from segexp.inference.predict.output_folder import OutputFolder
from segexp.inference.predict.settings import load_any_model, output_settings, remote_limits, resolve_output
from segexp.inference.predict.task_files import check_task_settings, predict_task_files
from segexp.inference.predict.worker import FileResult
from segexp.inference.size_advice import SizeAdvice
from segexp.inference.stopping import told_when_stopped
from segexp.inference.task_model import TaskModel
from segexp.runs.console import LOG, start_console


class PredictionFailed(SegexpError):
    """Some files could not be predicted; the others were."""


def predict_files(config: PredictConfig, command: Sequence[str] = ()) -> str:
    """Predicts all files of ``input``.

    Args:
        config: Checked and resolved, see conf/predict.yaml.
        command: Words by which it was started, to be proposed again with others; empty: by a program.

    Returns:
        The last line for the terminal.

    Raises:
        UserError: Model, settings or ``input`` are at fault.
        PredictionFailed: Some files could not be predicted; the rest was.
    """
    start_console()
    output, outputs = resolve_output(config), output_settings(config)
    passed_over: list[str] = []
    files = find_inputs(config.input, output, config.timeout, remote_limits(config), passed_over)
    # On a cluster the devices are elsewhere: here the model only says what it is.
    model = load_any_model(config, config.device if config.engine == "local" else "cpu")
    if isinstance(model, TaskModel):
        check_task_settings(config, model, output)
        return predict_task_files(config, model, files, output, command)
    if model.rescale is not None:
        files = [file.with_ending(model.rescale.name) for file in files]
    outputs.postprocess.check(model.spec, model.threshold)
    if "polygons" in outputs.write:
        check_polygons(outputs.polygons, outputs.simplify)
    with (
        _sigterm_as_ctrl_c(),
        closing(make_prediction_engine(config, model)) as engine,
        closing(OutputFolder(output)) as folder,
    ):
        folder.begin(model, outputs, files, overwrite=config.overwrite)
        _announce(model, files, output, passed_over)
        if not config.overwrite:
            files = [
                folder.with_owner(file, lambda stem: bool(outputs.existing_files(model.spec, stem))) for file in files
            ]
        single, doubles = separate_duplicates(files)
        asked = config.scale is not None or model.rescale is not None
        advice = SizeAdvice(model.spec, command, config.output) if command and not asked else None
        report = PredictionReport(folder, advice, debug=config.debug)
        report.add_passed_over(passed_over)
        report.add_results(doubles)
        hidden = {None: None, True: False, False: True}[PROGRESS_BARS[config.progress]]
        bar = tqdm(engine.run(single), "files", len(single), unit="file", disable=True if len(files) == 1 else hidden)
        with told_when_stopped(command, lambda: f"{report.words()} of {len(files)} files", "go on with"):
            report.add_results(bar)
        return report.result()


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """An end by a scheduler or a container, too, leaves neither unfinished files nor copies of remote ones."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _announce(model: Model, files: list[Input], output: Path, passed_over: list[str]) -> None:
    for source in model.sources:
        LOG.info(f"run         {source.name}")
    LOG.info(f"classes     {', '.join(model.classes)}; tta {model.tta}" + "".join(f"; {note}" for note in model.notes))
    LOG.info(f"files       {len(files)}, predictions into {output}")
    if passed_over:
        LOG.info(f"passed over {len(passed_over)}, by their endings no images: {describe_kinds(passed_over)}")


def separate_duplicates(files: Iterable[Input]) -> tuple[list[Input], list[FileResult]]:
    """Separates files to predict from those that would write over them: of a.png and a.jpg, the second."""
    taken: dict[Path, Input] = {}
    doubles = []
    for file in files:
        other = taken.setdefault(file.stem, file)
        if other is not file:
            words = f"its predictions would have the names of those of {other}; predict it into another folder"
            doubles.append(FileResult(file, "failed", error=f"{file}: {words}"))
    return list(taken.values()), doubles


class PredictionReport:
    """Report of one call: files are counted, named where they failed, and noted in the summary."""

    def __init__(self, folder: OutputFolder, advice: SizeAdvice | None = None, *, debug: bool = False) -> None:
        self.folder, self.advice, self.debug = folder, advice, debug
        self.counts = {"done": 0, "skipped": 0, "failed": 0, "passed over": 0}
        self._placeless: list[str] = []

    def add_passed_over(self, names: Iterable[str]) -> None:
        """Notes files that are no images by their endings, a row each, so that nobody waits for their predictions."""
        for name in names:
            self.counts["passed over"] += 1
            self.folder.add_row(Input(name, Path()), state="passed over", error="no image by its ending")

    def add_results(self, outcomes: Iterable[FileResult]) -> None:
        """Notes the results of files, as they come."""
        for outcome in outcomes:
            self.counts[outcome.state] += 1
            if outcome.is_placed is False:
                self._placeless.append(outcome.file.name)
            if outcome.state == "failed":
                self._failed(outcome)
            elif outcome.state == "done":
                self.folder.add_row(outcome.file, state="done", **outcome.facts)
                self._look_at_size(outcome)
            else:
                self.folder.keep_row(outcome.file, outcome.facts)

    def _look_at_size(self, outcome: FileResult) -> None:
        if self.advice is None:
            return
        side = max(outcome.facts["width"], outcome.facts["height"])
        if (warning := self.advice.look(str(outcome.file), side, outcome.pixel_size)) is not None:
            LOG.warning(warning)

    def _failed(self, outcome: FileResult) -> None:
        path, words = outcome.file, outcome.error
        if self.debug and outcome.trace:
            print(outcome.trace, file=sys.stderr)  # noqa: T201 - asked for
        LOG.error(words if str(path) in words else f"{path}: {words}")
        self.folder.add_row(outcome.file, state="failed", error=words)

    def words(self) -> str:
        """Counts files by what became of them: ``3 done, 1 failed``."""
        return ", ".join(f"{count} {state}" for state, count in self.counts.items() if count) or "0 done"

    def result(self) -> str:
        """Gives the last line for the terminal.

        Raises:
            PredictionFailed: Some files failed.
        """
        if self._placeless:
            first = f" such as {self._placeless[0]}" if len(self._placeless) > 1 else f", {self._placeless[0]}"
            LOG.info(
                f"place       {len(self._placeless)} files say nowhere where on the ground they lie{first}: what was "
                "written of them is in pixels"
            )
        if self.advice is not None and (unlike := self.advice.summary()) is not None:
            LOG.info(f"sizes       {unlike}")
        text = f"{self.words()}; see {self.folder.path / 'summary.csv'}"
        if self.counts["failed"]:
            raise PredictionFailed(text)
        return text
