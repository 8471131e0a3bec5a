"""Finds the definition of a class or function in source files, without importing anything."""

import ast
import functools
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from segexp.config.signatures.remembered import remember_found
from segexp.moved import new_name

Definition = ast.ClassDef | ast.FunctionDef

DEPTH = 10
"""Packages through which a name is followed."""


@dataclass(frozen=True)
class Found:
    """The definition of a name in source: its syntax tree and the module that it stands in.

    Attributes:
        node: Its definition; None where there is none that can be read.
        module: Where that is.
        absent: Whether the name is surely not there. Neither node nor absent: only an import can tell.
    """

    node: Definition | None
    module: str
    absent: bool = False


_KNOWN: dict[tuple[str, str], Found] = {}
"""Definitions by module and name. What is missing may come (see :func:`remember_found`) and is looked for again."""


def find(module: str, name: str) -> Found:
    """The definition of a name, followed through ``from x import name`` and ``name = other``."""
    known = _KNOWN.get((module, name))
    if known is None:
        known = _search(module, name, DEPTH)
        if known.node is not None:
            _KNOWN[module, name] = known
    return known


def _search(module: str, name: str, depth: int) -> Found:
    module, _, name = new_name(f"{module}.{name}").rpartition(".")
    path = source(module)
    tree = None if path is None else tree_of(path)
    if path is None or tree is None or depth == 0:
        return Found(None, module)
    every = list(_statements(tree.body))
    bound = [statement for statement in every if name in _names(statement)]
    # The last one wins, as when the module is run.
    found = [_follow(statement, name, module, path, depth) for statement in reversed(bound)]
    readable = next((one for one in found if one.node is not None), None)
    if readable is not None:
        return readable
    # A name that is bound nowhere may come from a star: torch.nn hands on its layers and losses so.
    stars = [absolute(star, module, path) for star in every if not bound and _is_star(star)]
    through = [_through_star(star, name, depth - 1) for star in stars]
    handed_on = next((one for one in through if one.node is not None), None)
    if handed_on is not None:
        return handed_on
    absent = all(one.absent for one in (*found, *through)) and not any(_is_open(statement) for statement in every)
    return Found(None, module, absent=absent and source(f"{module}.{name}") is None)


def names_in(module: str) -> list[str]:
    """Classes and functions that a module defines or hands on, for suggestions."""
    path = source(module)
    tree = None if path is None else tree_of(path)
    found: list[str] = []
    for statement in _statements(tree.body) if tree is not None else ():
        if isinstance(statement, Definition | ast.ImportFrom):
            found += [name for name in _names(statement) if name != "*"]
    return found


def _follow(statement: ast.stmt, name: str, module: str, path: Path, depth: int) -> Found:
    match statement:
        case ast.ClassDef() | ast.FunctionDef():
            return Found(statement, module)
        case ast.ImportFrom(names=aliases):
            original = next(alias.name for alias in aliases if (alias.asname or alias.name) == name)
            return _search(absolute(statement, module, path), original, depth - 1)
        case ast.Assign(value=ast.Name(id=other)) if other != name:
            return _search(module, other, depth - 1)
    return Found(None, module)


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """All statements that run with the module, those under ``if``, ``try`` and ``with`` too."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.TryStar | ast.With | ast.For | ast.While):
            for part in ("body", "handlers", "orelse", "finalbody"):
                for inner in getattr(statement, part, ()):
                    yield from _statements(inner.body if isinstance(inner, ast.ExceptHandler) else [inner])


def _names(statement: ast.stmt) -> list[str]:
    """Names that a statement binds."""
    match statement:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return [name]
        case ast.ImportFrom(names=aliases):
            return [alias.asname or alias.name for alias in aliases]
        case ast.Import(names=aliases):
            return [alias.asname or alias.name.split(".", 1)[0] for alias in aliases]
        case ast.Assign(targets=targets):
            return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.AugAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _is_star(statement: ast.stmt) -> TypeGuard[ast.ImportFrom]:
    return isinstance(statement, ast.ImportFrom) and any(alias.name == "*" for alias in statement.names)


def _through_star(module: str, name: str, depth: int) -> Found:
    """What a star hands on under a name; it is surely absent where the text of the module could not give it."""
    if _mentions(module, name):
        return _search(module, name, depth)
    path = source(module)
    content = b"" if path is None else path.read_bytes()
    writes = any(word.encode() in content for word in (*_WRITERS, "__getattr__"))
    return Found(None, module, absent=path is not None and not writes)


def _mentions(module: str, name: str) -> bool:
    """Whether it is worth parsing: albumentations hands on 150 kB of source for one class by stars."""
    path = source(module)
    try:
        content = b"" if path is None else path.read_bytes()
    except OSError:
        return False
    return name.encode() in content or b"import *" in content


def _is_open(statement: ast.stmt) -> bool:
    """Whether names may come in that are not written down: from a ``__getattr__`` or ``globals()``."""
    match statement:
        case ast.FunctionDef(name="__getattr__"):
            return True
        case ast.ClassDef():
            return False
    return any(isinstance(node, ast.Name) and node.id in _WRITERS for node in ast.walk(statement))


_WRITERS = {"globals", "vars", "exec", "setattr"}
"""Functions by which a module may write names into itself."""


def absolute(node: ast.ImportFrom, module: str, path: Path) -> str:
    """The module of ``from x import``, without leading dots."""
    if node.level == 0:
        return node.module or ""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def broken(module: str) -> str | None:
    """Why the source of a module is no Python, in one line; None where it is, or where there is no source."""
    path = source(module)
    found = None if path is None else _parsed(path)
    if not isinstance(found, Exception):
        return None
    line = f", line {found.lineno}" if isinstance(found, SyntaxError) and found.lineno else ""
    reason = found.msg if isinstance(found, SyntaxError) else str(found)
    return f"{path}{line}: {type(found).__name__}: {reason}"


def tree_of(path: Path) -> ast.Module | None:
    """The parsed file; None where it cannot be read or is no Python."""
    found = _parsed(path)
    return None if isinstance(found, Exception) else found


@functools.cache
def _parsed(path: Path) -> ast.Module | Exception:
    try:
        # Bytes: the parser looks for the encoding itself.
        content = path.read_bytes()
        try:
            return ast.parse(content)
        except SystemError:  # Python 3.11, where garbage is collected in the middle of it
            return ast.parse(content)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return error


@remember_found
def source(module: str) -> Path | None:
    """File of a module, found without importing it or its parents (``find_spec`` would import torch).

    None for what has no file of Python: built-in and frozen modules, extensions in C, modules inside an archive.
    """
    top, *rest = new_name(module).split(".")
    if not all(part.isidentifier() for part in (top, *rest)):
        return None
    loaded = sys.modules.get(top)
    try:
        spec = getattr(loaded, "__spec__", None) if loaded is not None else importlib.util.find_spec(top)
        roots = [] if spec is None else [Path(place) for place in spec.submodule_search_locations or []]
    except (ImportError, AttributeError, ValueError, TypeError):  # finders of other packages
        return None
    if not roots:
        alone = Path(spec.origin) if spec is not None and spec.origin and spec.has_location and not rest else None
        return alone if alone is not None and alone.suffix == ".py" and alone.is_file() else None
    for root in roots:
        stem = root.joinpath(*rest)
        for candidate in (stem / "__init__.py", stem.with_suffix(".py") if rest else stem / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None
