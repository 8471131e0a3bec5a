"""``evaluate``: the test of a training, with any model on any data."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from segexp.config.checks.tree import check_config
from segexp.config.command_schema import DataConfig, EvaluateConfig
from segexp.config.overrides.quoting import command_line
from segexp.config.schema import ObjectConfig
from segexp.evaluation.afterwards import Afterwards, end
from segexp.evaluation.outcome import Outcome
from segexp.evaluation.predictors import observer_rows
from segexp.evaluation.results import results
from segexp.evaluation.run_page import write_page
from segexp.evaluation.test_pictures import draw_mask_pictures
from segexp.evaluation.tester import build_tester
from segexp.inference.evaluate.data import (
    EvaluationData,
    Phase,
    default_phase,
    evaluation_data,
    has_own_images,
    keep_own_split,
    note_trained_images,
)
from segexp.inference.evaluate.rescaled import check_rescaled
from segexp.inference.load import load
from segexp.inference.model import Model
from segexp.inference.size_advice import unlike_items
from segexp.invocation import Invocation
from segexp.report import values
from segexp.report.run_page.tables.predictors import results_table
from segexp.report.table import Table
from segexp.runs import entries
from segexp.runs.checkpoints import Source, find_sources
from segexp.runs.console import LOG, start_console, start_log_file, stop_log_file
from segexp.runs.folder import RunFolder
from segexp.runs.paths import require_inside
from segexp.runs.record import RunRecord
from segexp.tasks.mask_result import MaskResult
from segexp.tasks.segmentation import Segmentation
from segexp.training import build


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
        self.model = load(
            [source.checkpoint for source in sources], tta=config.tta, threshold=config.threshold,
            device=config.device, inference={k: v for k, v in vars(config.inference).items() if v is not None},
            scale=config.scale,
        )  # fmt: skip
        self.section = data_section(self.model, data)
        # A split that is asked for is meant.
        split_given = data is not None and data.get("split") not in (None, "auto")
        self.splits = split_given or has_own_images(self.model, self.section)
        self.name = _data_name(self.section, invocation)

    def run(self) -> dict[str, Any]:
        """Tests, writes and prints."""
        data = self._data()
        sections = self.config.metric if self.config.metric is not None else self.model.config.metric
        module = self.model.module.with_measures(build.build_measures(sections, data.spec))
        if (rescale := self.model.rescale) is not None:
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
                tester.test(module, datamodule=data, verbose=False)
                content = self._write(folder, module, data, after)
        finally:
            stop_log_file(handler)
        report = write_page(folder.path)
        LOG.info("\n" + results_table(content))
        LOG.info(f"\nfolder      {folder.path}\nreport      {report}")
        return content

    def _data(self) -> EvaluationData:
        source = build.build_datamodule(self.section)
        asked = self.config.phase
        phase: Phase = default_phase(source, splits=self.splits) if asked == "auto" else asked
        keep_own_split(source, self.model, self.section, phase)
        data = evaluation_data(source, self.model.spec, phase, self.model.config.datamodule)
        names = [item.name for item in data.items("test")]
        if phase != "train":
            data.add_notes(note_trained_images(self.model, names, self.section["_target_"]))
        for line in (f"data        {self.name}, {phase}: {len(names)} images", *self.model.notes, *data.notes):
            LOG.info(line)
        self._warn_of_sizes(data)
        return data

    def _warn_of_sizes(self, data: EvaluationData) -> None:
        """Says where images are much larger or smaller than those trained on, unless a scale was asked for."""
        if self.config.scale is not None or self.model.rescale is not None:
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

    def _write(
        self, folder: RunFolder, module: Segmentation, data: EvaluationData, after: Afterwards
    ) -> dict[str, Any]:
        outcome = Outcome(
            folder,
            module.predictor_results(),
            {"the rows of other people": lambda: observer_rows(data, module.measures)},
            [item.name for item in data.items("test")],
            lambda rows, resamples: self._content(rows, resamples, module, data),
        )
        panels = self.config.panels
        return outcome.write(
            after, self.config.bootstrap, lambda row: draw_mask_pictures(folder, module, data, row, panels, after)
        )

    def _content(
        self, rows: Sequence[MaskResult], resamples: int, module: Segmentation, data: EvaluationData
    ) -> dict[str, Any]:
        content = results(rows, data, module, self._checkpoint(), self.name, resamples, self.config.seed)
        content["split"]["name"] = data.phase
        content["runs"] = [source.name for source in self.model.sources]
        if content["threshold"] is not None:
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
            LOG.warning(after.summary())
        raise
    end(record, "finished", after)


def data_section(model: Model, data: Mapping[str, Any] | None) -> ObjectConfig:
    """Chooses the section ``datamodule``: as given, or the run's own with the keys that were given.

    Raises:
        ConfigError: There is no such key.
    """
    own = model.config.datamodule
    section = own if data is None else (dict(data) if "_target_" in data else _merged(own, data))
    check_config({"datamodule": section}, DataConfig)
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


def _model_name(model: Model) -> str:
    if len(model.sources) > 1:
        return f"ensemble of {len(model.sources)}"
    # The name of the run, so that both pages speak of the same; a checkpoint alone knows only its class.
    return model.sources[0].model or str(model.config.model["_target_"].rsplit(".", 1)[-1])


def comparison_table(names: Sequence[str], found: Sequence[dict[str, Any]]) -> Table:
    """Builds a table with one line per run."""
    first = found[0]
    foreground = entries.foreground_of(first)
    columns: list[tuple[str, tuple[str, ...]]] = [("mean IoU", ("miou",)), ("mean Dice", ("mdice",))]
    columns += [(f"Dice {foreground}", ("dice", foreground)), ("AUC", ("auc",))] if foreground is not None else []
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
