"""The templates of all pages, read with the same settings."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from segexp.runs.text import readable


def load_template(name: str) -> Template:
    """The template of this name in ``segexp/report/templates``; a value that it lacks is an error."""
    return _environment().get_template(name)


def compile_templates() -> None:
    """Compiles every template, for a process that makes pages or whose copies do."""
    for name in _environment().list_templates():
        load_template(name)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("segexp.report"),
        autoescape=True,
        undefined=StrictUndefined,
        # people read the source too
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )


def _shown(value: object) -> object:
    """Prepares a value for a page: of names from elsewhere no letter that is not seen."""
    return readable(value) if type(value) is str else value
