"""Docstrings as the pages show them: what stands there in Sphinx's form in plain Markdown."""

import re
from typing import Any

from griffe import Extension

ROLE = re.compile(r":(?:func|class|mod|meth|attr|data|exc):`~?([^`]+)`")
LITERAL = re.compile(r"::\s*$")


class Plain(Extension):  # type: ignore[misc]
    """Rewrites each docstring before it is parsed."""

    def on_instance(self, *, obj: Any, **_: Any) -> None:
        """Takes one module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = plain(obj.docstring.value)


def plain(text: str) -> str:
    """A docstring without Sphinx's roles and its sign of a listing."""
    lines = ROLE.sub(r"`\1`", text).split("\n")
    return "\n".join("" if line.strip() == "::" else LITERAL.sub(":", line) for line in lines)
