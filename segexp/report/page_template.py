"""The templates of all pages, read with the same settings."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from segexp.report.charts import page as charts
from segexp.report.charts.chart import Chart
from segexp.runs.text import printable, readable


def load_template(name: str) -> Template:
    """The template of this name in ``segexp/report/templates``; a value that it lacks is an error."""
    return _environment().get_template(name)


def compile_templates() -> None:
    """Compiles every template, for a process that makes pages or whose copies do."""
    for name in _environment().list_templates():
        load_template(name)


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("segexp.report"),
        autoescape=True,
        undefined=StrictUndefined,
        # people read the source too
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )
    found.globals |= {"chart_data": _chart_data, "chart_scripts": _chart_scripts, "chart_style": _chart_style}
    return found


def _chart_data(chart: Chart) -> Markup:
    return Markup(charts.chart_json(chart.with_texts(printable)))


def _chart_scripts() -> list[Markup]:
    return [Markup(script) for script in charts.scripts()]


def _chart_style() -> Markup:
    return Markup(charts.style())


def _shown(value: object) -> object:
    """Prepares a value for a page: of names from elsewhere no letter that is not seen."""
    return readable(value) if type(value) is str else value
