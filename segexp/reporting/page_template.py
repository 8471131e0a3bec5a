"""The templates of all pages, read with the same settings."""

from jinja2 import Environment, PackageLoader, StrictUndefined, Template


def template(name: str) -> Template:
    """The template of this name in ``segexp/reporting/templates``; a value that it lacks is an error."""
    environment = Environment(
        loader=PackageLoader("segexp.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        # people read the source too
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)
