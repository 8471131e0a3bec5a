"""``evaluate``: the test of a training, with any model on any data."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from segexp.config.checks.tree import check_config
from segexp.config.command_schema import EvaluateConfig, OtherDataConfig
from segexp.config.overrides.quoting import command_line
from segexp.config.schema import ObjectConfig
from segexp.config.signatures.torch_metrics import is_torch_metric
from segexp.errors import ConfigError, Interrupted
from segexp.evaluation.afterwards import Afterwards, end
from segexp.evaluation.outcome import Outcome
from segexp.evaluation.run_page import write_page
from segexp.evaluation.test_kinds import test_of
from segexp.evaluation.tester import build_tester
from segexp.inference.evaluate.data import (
    EvaluationData,
    Phase,
    default_phase,
    evaluation_data,
    has_own_images,
    keep_own_split,
    note_trained_images,
    require_other_parts,
)
from segexp.inference.evaluate.rescaled import check_rescaled
from segexp.inference.load import MaskSettings, load_members, mask_model, segmentations, task_model
from segexp.inference.model import Model
from segexp.inference.size_advice import unlike_items
from segexp.inference.task_model import TaskModel
from segexp.invocation import Invocation
from segexp.rasters import DEFAULT_GB, Limit
from segexp.report import values
from segexp.report.labels import head_of
from segexp.report.run_page.tables.predictors import results_table
from segexp.report.table import Table
from segexp.runs import entries
from segexp.runs.checkpoints import Source, find_sources
from segexp.runs.console import LOG, start_console, start_log_file, stop_log_file
from segexp.runs.folder import RunFolder
from segexp.runs.paths import require_inside
from segexp.runs.record import RunRecord
from segexp.spec import DataSpec
from segexp.tasks.base import BaseTask
from segexp.tasks.dense import DenseTask
from segexp.training.building.datamodule import build_datamodule
from segexp.training.building.measures import build_measures
from segexp.training.building.torch_metrics import build_metrics


def evaluate_runs(
    config: EvaluateConfig, data: Mapping[str, Any] | None, invocation: Invocation
) -> list[dict[str, Any]]:
    """Evaluates one model, an ensemble, or one run after the other.

    Args:
        config: Checked and resolved, see conf/evaluate.yaml.
        data: The section ``datamodule``: a whole one, some keys that differ from the run's, or None.
        invocation: How the command was started.

    Returns:
        The content of each results.json.

    Raises:
        UserError: A run, a key or the data are at fault.
    """
    start_console()
    sources = find_sources(config.run, config.checkpoint)
    together = [sources] if config.ensemble == "mean" else [[source] for source in sources]
    found = [Evaluation(config, members, data, invocation).run() for members in together]
    if len(found) > 1:
        LOG.info("\n" + comparison_table([members[0].name for members in together], found).as_text())
    return found


class Evaluation:
    """One model on one data set."""

    def __init__(
        self, config: EvaluateConfig, sources: Sequence[Source], data: Mapping[str, Any] | None, invocation: Invocation
    ) -> None:
        self.config, self.invocation = config, invocation
        self.model = _loaded(config, [source.checkpoint for source in sources])
        self.section = data_section(self.model, data)
        # A split that is asked for is meant.
        split_given = data is not None and data.get("split") not in (None, "auto")
        self.splits = split_given or has_own_images(self.model, self.section)
        self.name = _data_name(self.section, invocation)

    def run(self) -> dict[str, Any]:
        """Tests, writes and prints."""
        data = self._data()
        module = self._measured(data.spec)
        if (rescale := self.model.rescale) is not None and isinstance(module, DenseTask):
            module = module.seen_by(rescale=rescale.at(data.spec.pixel_size))
            check_rescaled(module, data.items("test"))
        folder = self._folder(data.phase)
        facts = {"name": self.name, "data": {"name": self.name}, "model": {"name": _model_name(self.model)}}
        handler = start_log_file(folder.path / "log.txt")
        after = Afterwards(folder.path, command_line(self.invocation.command[1:]))
        try:
            record = RunRecord(folder, self.invocation.command, facts)
            with _ending(record, after):
                tester = build_tester(self.config.device, self.model.config.deterministic)
                module = module.unlogged()
                tester.test(module, datamodule=data, verbose=False)
                content = self._write(folder, module, data, after)
        finally:
            stop_log_file(handler)
        report = write_page(folder.path)
        LOG.info("\n" + results_table(content))
        LOG.info(f"\nfolder      {folder.path}\nreport      {report}")
        return content

    def _data(self) -> EvaluationData:
        source = build_datamodule(self.section)
        asked = self.config.phase
        phase: Phase = default_phase(source, splits=self.splits) if asked == "auto" else asked
        keep_own_split(source, self.model, self.section, phase)
        config = self.model.config
        data = evaluation_data(source, self.model.module, config.task, phase, config.datamodule)
        if self.config.baselines:
            require_other_parts(data)
        names = [item.name for item in data.items("test")]
        if phase != "train":
            data.add_notes(note_trained_images(self.model, names, self.section["_target_"]))
        for line in (f"data        {self.name}, {phase}: {len(names)} images", *self.model.notes, *data.notes):
            LOG.info(line)
        self._warn_of_sizes(data)
        return data

    def _warn_of_sizes(self, data: EvaluationData) -> None:
        """Says where images are much larger or smaller than those trained on, unless a scale was asked for."""
        if self.config.scale is not None or self.model.rescale is not None or isinstance(self.model, TaskModel):
            return
        command = self.invocation.command[1:]
        note = unlike_items(data.items("test"), self.model.spec, data.spec.pixel_size, command)
        if note is not None:
            data.add_notes([note])
            LOG.warning(note)

    def _folder(self, phase: Phase) -> RunFolder:
        """Inside the run; of an ensemble beside the runs."""
        first = self.model.sources[0].folder
        scale = [self.model.rescale.name] if self.model.rescale is not None else []
        name = "_".join([self.name.replace(" (drawn)", "_drawn"), phase, *scale])
        if self.config.out is not None:
            place = Path(self.config.out).expanduser()
        elif first is None or len(self.model.sources) > 1:
            place = Path(self.config.output_dir) / "evaluations"
        else:
            place = require_inside(first, f"evaluations/{name}", str(first)).parent
        folder = RunFolder.create(place / name)
        plain = asdict(replace(self.config, datamodule=self.section))
        # It holds for the command, and is no part of what an evaluation is.
        del plain["trust"]
        folder.write_yaml("config.yaml", plain)
        return folder

    def _measured(self, spec: DataSpec) -> BaseTask:
        """The task with the costly measures that are asked for.

        Raises:
            ConfigError: It takes none.
        """
        task = self.model.module
        sections = self.config.metric if self.config.metric is not None else self.model.config.metric
        costly = [name for name, section in (self.config.metric or {}).items() if not is_torch_metric(section)]
        if costly and not task.takes_measures:
            raise ConfigError(
                f"metric: found {', '.join(costly)}, but {type(task).__name__} takes no costly measures; leave it"
            )
        measures = build_measures(sections, spec) if task.takes_measures else {}
        return task.with_measures(measures, build_metrics(sections, spec))

    def _write(self, folder: RunFolder, task: BaseTask, data: EvaluationData, after: Afterwards) -> dict[str, Any]:
        found = test_of(task)(task, data, self._checkpoint(), self.name, self.config.seed)
        outcome = Outcome(
            folder,
            found.rows(),
            {**(found.trivial_rows() if self.config.baselines else {}), **found.other_rows()},
            found.names,
            lambda rows, resamples: self._content(found.content(rows, resamples), data),
        )
        panels = self.config.panels
        return outcome.write(after, self.config.bootstrap, lambda row: found.draw(folder, row, panels, after))

    def _content(self, content: dict[str, Any], data: EvaluationData) -> dict[str, Any]:
        """What an evaluation says beside the test of a training."""
        content["split"]["name"] = data.phase
        content["runs"] = [source.name for source in self.model.sources]
        if isinstance(self.model, Model) and content["threshold"] is not None:
            content["threshold"] |= self.model.chosen
        content["notes"] = [*self.model.notes, *content["notes"]]
        return content

    def _checkpoint(self) -> dict[str, Any]:
        """As the run's own results.json has it, where it speaks of the same; else the path alone."""
        if len(self.model.sources) > 1:
            return {"path": ", ".join(source.name for source in self.model.sources), "ensemble": "mean"}
        (source,) = self.model.sources
        return {**source.results.get("checkpoint", {}), "path": str(source.checkpoint)}


@contextmanager
def _ending(record: RunRecord, after: Afterwards) -> Iterator[None]:
    """Records how an evaluation ended; one that is broken off while pictures are drawn has its figures."""
    try:
        yield
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt)
        state = "finished" if after.complete else "interrupted" if stopped else "failed"
        end(record, state, after, **({} if stopped else {"error": f"{type(error).__name__}: {error}"}))
        if after.complete:
            if stopped:
                raise Interrupted(after.summary()) from error
            LOG.warning(after.summary())
        raise
    end(record, "finished", after)


def _loaded(config: EvaluateConfig, checkpoints: Sequence[Path]) -> Model | TaskModel:
    """One model, or an ensemble of segmentations."""
    inference = {key: value for key, value in vars(config.inference).items() if value is not None}
    settings = MaskSettings(config.tta, config.threshold, inference, scale=config.scale)
    members = load_members(checkpoints, "best", config.device)
    masks, limit = segmentations(members), Limit(DEFAULT_GB)
    return task_model(members, None, limit, settings) if masks is None else mask_model(masks, settings, None, limit)


def data_section(model: Model | TaskModel, data: Mapping[str, Any] | None) -> ObjectConfig:
    """Chooses the section ``datamodule``: as given, or the run's own with the keys that were given.

    Raises:
        ConfigError: There is no such key.
    """
    own = model.config.datamodule
    section = own if data is None else (dict(data) if "_target_" in data else _merged(own, data))
    check_config({"datamodule": section}, OtherDataConfig)
    return section


def _merged(base: Mapping[str, Any], other: Mapping[str, Any]) -> ObjectConfig:
    both = {
        key: _merged(base[key], value) if isinstance(value, Mapping) and isinstance(base.get(key), Mapping) else value
        for key, value in other.items()
    }
    return {**base, **both}


def _data_name(section: ObjectConfig, invocation: Invocation) -> str:
    drawn = " (drawn)" if section.get("generate") is True else ""
    chosen = invocation.choices.get("datamodule")
    if chosen not in (None, "None"):
        return f"{chosen}{drawn}"
    return str(section["_target_"].rsplit(".", 1)[-1].removesuffix("DataModule").lower()) + drawn


def _model_name(model: Model | TaskModel) -> str:
    if len(model.sources) > 1:
        return f"ensemble of {len(model.sources)}"
    # The name of the run, so that both pages speak of the same; a checkpoint alone knows only its class.
    return model.sources[0].model or str(model.config.model["_target_"].rsplit(".", 1)[-1])


def comparison_table(names: Sequence[str], found: Sequence[dict[str, Any]]) -> Table:
    """Builds a table with one line per run."""
    columns = _compared_figures(found[0])
    rows = tuple(
        (
            name,
            *(
                values.format_measure(entries.get_in(entries.model_row(content), "dataset", *path))
                for _, path in columns
            ),
        )
        for name, content in zip(names, found, strict=True)
    )
    return Table("runs", ("run", *(name for name, _ in columns)), rows)


def _compared_figures(content: Mapping[str, Any]) -> list[tuple[str, tuple[str, ...]]]:
    """Heading of each column and where in the figures of a row it lies; of other kinds those that are one number."""
    if entries.task_kind(content) != entries.SEGMENTATION:
        figures = entries.model_row(content)["dataset"]
        return [(head_of(content, name), (name,)) for name, value in figures.items() if not isinstance(value, dict)]
    columns: list[tuple[str, tuple[str, ...]]] = [("mean IoU", ("miou",)), ("mean Dice", ("mdice",))]
    if (foreground := entries.foreground_of(content)) is not None:
        columns += [(f"Dice {foreground}", ("dice", foreground)), ("AUC", ("auc",))]
    return columns
