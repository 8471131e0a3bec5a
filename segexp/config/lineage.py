"""From which classes a class comes, read from source: what a dotted path names is known before anything is imported.

Imports, re-exports (``from .unet import *`` too) and plain aliases are followed from file to file.
"""

import ast
import functools
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path

from segexp.config.signatures.remembered import remember_found
from segexp.config.signatures.source import absolute, source, tree_of
from segexp.moved import new_name


@dataclass(frozen=True)
class Definition:
    """A class or function where it is defined.

    Attributes:
        module: Dotted path of the file, wherever its name was taken from.
        node: What the file says.
    """

    module: str
    node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

    @property
    def dotted(self) -> str:
        """Dotted name of the place of definition: one spelling for each class, however it is re-exported."""
        return f"{self.module}.{self.node.name}"

    @property
    def is_class(self) -> bool:
        """True if it is no function."""
        return isinstance(self.node, ast.ClassDef)


@remember_found
def definition(target: str) -> Definition | None:
    """The class or function that a dotted path names.

    Only a name at the top of a module that has a source file: no method of a class, no module that another one happens
    to import (``torch.nn.modules.module.os.system``).

    Args:
        target: For example ``segexp.models.unet.UNet`` or ``torch.optim.Adam``.

    Returns:
        None where no source says what it is.
    """
    module, _, name = target.rpartition(".")
    found = _bound(module, name, frozenset()) if module and name.isidentifier() else None
    return found if isinstance(found, Definition) else None


def installed(package: str) -> bool:
    """Returns whether a package of this name could be imported, from source or not."""
    return _spec(package) is not None


def is_below(found: Definition, bases: frozenset[str]) -> bool:
    """Returns whether a class is one of ``bases`` (dotted, where they are defined) or comes from one of them."""
    return any(each.dotted in bases for each in ancestors(found))


def ancestors(found: Definition) -> Iterator[Definition]:
    """The class, its bases, theirs, and so on, each once, as far as source says."""
    seen: set[str] = set()
    waiting = [found]
    while waiting:
        each = waiting.pop(0)
        if each.dotted in seen or not isinstance(each.node, ast.ClassDef):
            continue
        seen.add(each.dotted)
        yield each
        waiting += [base for expression in each.node.bases if (base := named(expression, each.module)) is not None]


def annotation(found: Definition, key: str) -> tuple[ast.expr, str] | None:
    """The annotation of a constructor's parameter, and the module whose names it uses; None: there is none."""
    for each in ancestors(found):
        for node in each.node.body:
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                for parameter in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]:
                    if parameter.arg == key:
                        return None if parameter.annotation is None else (parameter.annotation, each.module)
            # The field of a dataclass.
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == key:
                return node.annotation, each.module
    return None


def classes_in(expression: ast.expr, module: str) -> Iterator[Definition]:
    """The classes that an annotation speaks of: ``dict[str, nn.Module] | None`` speaks of ``nn.Module``."""
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        try:
            expression = ast.parse(expression.value, mode="eval").body
        except SyntaxError:
            return
    if isinstance(expression, ast.Name | ast.Attribute):
        found = named(expression, module)
        if found is not None and found.is_class:
            yield found
        return
    for child in ast.iter_child_nodes(expression):
        if isinstance(child, ast.expr):
            yield from classes_in(child, module)


def named(expression: ast.expr, module: str) -> Definition | None:
    """Finds the definition that ``nn.Module`` or ``Generic[T]`` stands for in a module."""
    found = _value(expression, module, frozenset())
    return found if isinstance(found, Definition) else None


Seen = frozenset[tuple[str, str]]
"""Names that are being looked for: two modules that import a name from each other must not go on for ever."""


def _bound(module: str, name: str, seen: Seen) -> Definition | str | None:
    """What a name at the top of a module stands for: a definition, another module (dotted), or None."""
    module, _, name = new_name(f"{module}.{name}").rpartition(".")
    path = source(module)
    if path is None or (module, name) in seen or not _may_bind(path, name) or (tree := tree_of(path)) is None:
        return None
    seen |= {(module, name)}
    stars: list[str] = []
    for node in _statements(tree.body):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            return Definition(module, node)
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            stars.append(absolute(node, module, path))
        elif (found := _given(node, name, module, path, seen)) is not None:
            return found
    if name.startswith("_"):
        return None
    return next((found for star in stars if (found := _bound(star, name, seen)) is not None), None)


def _given(node: ast.stmt, name: str, module: str, path: Path, seen: Seen) -> Definition | str | None:
    """What a statement binds a name to: an import, or an alias such as ``_LRScheduler = LRScheduler``."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if (alias.asname or alias.name.split(".")[0]) == name:
                return alias.name if alias.asname else name
    if isinstance(node, ast.ImportFrom):
        for alias in node.names:
            if (alias.asname or alias.name) == name:
                return _member(absolute(node, module, path), alias.name, seen)
    if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
        return _value(node.value, module, seen)
    return None


def _member(module: str, name: str, seen: Seen) -> Definition | str | None:
    """An attribute of a module: a name in it, or a module below it."""
    below = f"{module}.{name}"
    return _bound(module, name, seen) or (below if source(below) is not None else None)


def _value(expression: ast.expr, module: str, seen: Seen) -> Definition | str | None:
    if isinstance(expression, ast.Name):
        return _bound(module, expression.id, seen)
    if isinstance(expression, ast.Subscript):
        return _value(expression.value, module, seen)
    if isinstance(expression, ast.Attribute):
        owner = _value(expression.value, module, seen)
        return _member(owner, expression.attr, seen) if isinstance(owner, str) else None
    return None


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements at the top of a module, those in ``if``, ``try`` and ``with`` too."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from _statements(node.body)
            yield from _statements(getattr(node, "orelse", []))
            for handler in getattr(node, "handlers", []):
                yield from _statements(handler.body)


def _may_bind(path: Path, name: str) -> bool:
    """Whether a file speaks of a name at all, or of all names of another: parsing it takes much longer than looking."""
    text = _text(path)
    return name.encode() in text or b"import *" in text


@functools.cache
def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _spec(top: str) -> ModuleSpec | None:
    if not top.isidentifier():
        return None
    loaded = sys.modules.get(top)
    if loaded is not None:
        return loaded.__spec__
    try:
        return importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
