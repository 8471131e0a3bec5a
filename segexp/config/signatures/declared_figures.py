"""The figures that a measure or task says it gives, read from source, without torch: names and directions."""

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Formatter
from typing import Any

import yaml

from segexp.config.lineage import Definition, ancestors, definition
from segexp.config.paths import conf_dir
from segexp.spec import FigureSpec, fields_in, filled

SPECS, DIRECTIONS = "figure_specs", "directions"
"""Attributes of a class that say so; the second is that of version 0.1."""

_NUMBERS = tuple("eEfFgGnd%")
"""What the format of a number ends in."""


def declared_figures(section: Mapping[str, Any]) -> dict[str, FigureSpec] | None:
    """Figures of a measure by name.

    Args:
        section: Its block of the config: ``_target_`` and keys.

    Returns:
        None where the source does not tell, as where the constructor works them out; an import can then tell.
    """
    found = definition(str(section.get("_target_")))
    specs = None if found is None else written_figures(found)
    if found is None or specs is None:
        return None
    values = {field: section.get(field, _default(found, field)) for field in fields_in(specs)}
    try:
        return filled(specs, values)
    except (KeyError, ValueError, TypeError):
        return None


def written_figures(found: Definition, base: str | None = None) -> dict[str, FigureSpec] | None:
    """Figures of a class, or of the nearest one above it that says them; names and texts may have keys in braces.

    Args:
        found: The class.
        base: Dotted name of the class that is looked at no more, nor are those above it; None: all are.

    Returns:
        None where none says them, or not as something that is written out.
    """
    for each in ancestors(found):
        if each.dotted == base:
            break
        if any(_is_own_attribute(node, (SPECS, DIRECTIONS)) for node in ast.walk(each.node)):
            return None
        given = dict(bound(each.node))
        if given.keys() & {SPECS, DIRECTIONS}:
            return _written(given[DIRECTIONS if DIRECTIONS in given else SPECS])
    return None


def chosen_figures(config: Mapping[str, Any]) -> dict[str, FigureSpec]:
    """Figures of the measures that a config names in its section ``metric``, as far as their source tells."""
    sections = config.get("metric") or {}
    found = (declared_figures(section) for section in sections.values() if isinstance(section, Mapping))
    return {name: spec for figures in found for name, spec in (figures or {}).items()}


@functools.cache
def shipped_figure(figure: str) -> FigureSpec | None:
    """Spec of a figure of one of segexp's own measures, with any values of its keys, so that there is ``hd100``."""
    for found, specs in _shipped_specs():
        for name, spec in specs.items():
            if (values := _read_off(name, figure)) is not None:
                defaults = {field: _default(found, field) for field in fields_in({name: spec}) - values.keys()}
                return filled({name: spec}, {**defaults, **values})[figure]
    return None


@functools.cache
def shipped_figures() -> tuple[str, ...]:
    """Names of the figures of segexp's own measures by their YAML files, those of the preset ``all`` first."""
    return tuple(name for section in _shipped_sections() for name in declared_figures(section) or ())


@functools.cache
def _shipped_specs() -> tuple[tuple[Definition, Mapping[str, FigureSpec]], ...]:
    found = [each for section in _shipped_sections() if (each := definition(section["_target_"])) is not None]
    return tuple((each, specs) for each in found if (specs := written_figures(each)) is not None)


@functools.cache
def _shipped_sections() -> tuple[dict[str, Any], ...]:
    folder = conf_dir() / "metric"
    trees = {path.stem: _tree(path) for path in sorted(folder.glob("*.yaml"))}
    preset = [name for name in trees.get("all", {}).get("defaults", []) if name in trees]
    sections = (trees[name].get(name) for name in dict.fromkeys([*preset, *trees]))
    return tuple(section for section in sections if isinstance(section, dict) and "_target_" in section)


def _tree(path: Path) -> dict[str, Any]:
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tree if isinstance(tree, dict) else {}


def bound(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The attributes that a class body gives a value, with the value."""
    for statement in getattr(node, "body", []):
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            yield ast.unparse(statement.target), statement.value
        if isinstance(statement, ast.Assign):
            yield from ((ast.unparse(target), statement.value) for target in statement.targets)


def _is_own_attribute(node: ast.AST, names: tuple[str, ...]) -> bool:
    """Whether a method sets one of these attributes of its object."""
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and node.attr in names
        and ast.unparse(node.value) == "self"
    )


def _written(value: ast.expr) -> dict[str, FigureSpec] | None:
    """The mapping that an expression writes down: ``{"hd95": FigureSpec("min", "HD95")}``, or ``{"hd95": "min"}``."""
    if not isinstance(value, ast.Dict):
        return None
    try:
        return {ast.literal_eval(key): _spec(item) for key, item in zip(value.keys, value.values, strict=True) if key}
    except (ValueError, TypeError):
        return None


def _spec(item: ast.expr) -> FigureSpec:
    if not isinstance(item, ast.Call):
        return FigureSpec(ast.literal_eval(item))
    given = [ast.literal_eval(argument) for argument in item.args]
    return FigureSpec(*given, **{word.arg: ast.literal_eval(word.value) for word in item.keywords if word.arg})


def _default(found: Definition, key: str) -> Any:
    """Value of a key that is not given: its default in the nearest constructor, else the attribute of the class."""
    for each in ancestors(found):
        for node in each.node.body:
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                arguments = [*node.args.posonlyargs, *node.args.args]
                late = arguments[len(arguments) - len(node.args.defaults) :]
                defaults = {arg.arg: value for arg, value in zip(late, node.args.defaults, strict=True)}
                defaults |= {a.arg: v for a, v in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if v}
                if key in defaults:
                    return ast.literal_eval(defaults[key])
        if key in (given := dict(bound(each.node))):
            return ast.literal_eval(given[key])
    raise KeyError(key)


def _read_off(template: str, name: str) -> dict[str, Any] | None:
    """The values that turn a name with braces into ``name``; None where none do."""
    pattern, numbers = "", set()
    for literal, field, form, _ in Formatter().parse(template):
        pattern += re.escape(literal)
        if field is not None:
            is_number = (form or "").endswith(_NUMBERS)
            numbers |= {field} if is_number else set()
            pattern += rf"(?P<{field}>\d+(?:\.\d+)?)" if is_number else rf"(?P<{field}>.+?)"
    match = re.fullmatch(pattern, name)
    if match is None:
        return None
    return {key: float(text) if key in numbers else text for key, text in match.groupdict().items()}
