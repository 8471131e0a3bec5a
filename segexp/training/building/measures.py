"""Builds the costly measures of the section ``metric``; those of torchmetrics have a file of their own."""

from collections.abc import Mapping

from hydra.utils import instantiate

from segexp.config.schema import ObjectConfig
from segexp.config.signatures.torch_metrics import is_torch_metric
from segexp.errors import ConfigError
from segexp.metrics.base import ImageMeasure
from segexp.spec import DataSpec
from segexp.training.building.constructor_errors import naming_section
from segexp.training.checks.config_trials import expect, try_measure, trying


def build_measures(sections: Mapping[str, ObjectConfig], spec: DataSpec) -> dict[str, ImageMeasure]:
    """Builds the costly measures of the test by name, for the classes of the data; not those of torchmetrics."""
    built: dict[str, ImageMeasure] = {}
    for name, section in sections.items():
        if is_torch_metric(section):
            continue
        if not isinstance(section, Mapping):
            raise ConfigError(
                f"metric.{name}: found {section!r}, expected a block that is named as its file: "
                "my_measure: {_target_: my_package.MyMeasure}"
            )
        with naming_section(f"metric.{name}", section):
            built[name] = instantiate(section, _convert_="all")
            expect(
                built[name], ImageMeasure, f"metric.{name}",
                "a segexp.metrics.base.ImageMeasure or a torchmetrics.Metric; docs/extending.md says how to write one",
            )  # fmt: skip
        with trying(f"metric.{name}", "its prepare(spec)"):
            built[name].prepare(spec)
        if not type(built[name]).__module__.startswith("segexp."):
            try_measure(name, built[name], spec)
    _check_figures(built)
    return built


def _check_figures(measures: dict[str, ImageMeasure]) -> None:
    """Two measures with a figure of one name would hide each other in the tables."""
    owner: dict[str, str] = {}
    for name, measure in measures.items():
        for figure in measure.described_figures():
            if figure in owner:
                raise ConfigError(f"metric.{name}: gives {figure}, as metric.{owner[figure]} does; leave one out")
            owner[figure] = name
