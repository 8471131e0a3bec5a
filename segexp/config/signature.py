"""Reads the constructor of a ``_target_`` from its source, without importing it.

The typed signature of a model, loss or datamodule is the schema of its YAML. Importing the class would import
torch (seconds); parsing its file takes milliseconds, so a wrong key or value is refused at once.
"""

import ast
import builtins
import functools
import importlib.util
import sys
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import segexp.types

UNKNOWN = object()
"""Annotation that cannot be judged without importing; anything goes."""

_NAMES: dict[str, Any] = {
    name: value
    for module in (builtins, typing, segexp.types)
    for name, value in vars(module).items()
    if not name.startswith("_")
}
_NAMES["Any"] = UNKNOWN


@dataclass(frozen=True)
class Parameter:
    """One key: its annotation (``UNKNOWN`` where it cannot be judged) and whether it must be given."""

    annotation: Any
    required: bool


@dataclass(frozen=True)
class Signature:
    """Keys that a target takes; ``open`` when it takes any key."""

    parameters: dict[str, Parameter]
    open: bool = False


@functools.cache
def signature(target: str) -> Signature | None:
    """The signature behind a dotted path.

    Args:
        target: For example ``segexp.models.unet.UNet`` or ``torch.optim.Adam``.

    Returns:
        None when the module's source cannot be found or does not define the name; the import will then tell.
    """
    module, _, name = target.rpartition(".")
    node, where = _find(module, name)
    if isinstance(node, ast.FunctionDef):
        return _read(node.args, skip_first=False)
    if isinstance(node, ast.ClassDef):
        return _of_class(node, where)
    return None


def exists(target: str) -> bool | None:
    """Whether a dotted path names a class or function; None when its source cannot tell."""
    module, _, name = target.rpartition(".")
    path = _source(module)
    if path is None or _has_star(_tree(path)):
        return None if path is None or _find(module, name)[0] is None else True
    return _find(module, name)[0] is not None


def _has_star(tree: ast.Module) -> bool:
    """Whether names come in through ``from x import *``, which is not followed (packages re-export hundreds)."""
    return any(isinstance(n, ast.ImportFrom) and any(a.name == "*" for a in n.names) for n in tree.body)


def names_in(module: str) -> list[str]:
    """Classes and functions that a module defines or hands on, for suggestions."""
    path = _source(module)
    found: list[str] = []
    for node in _tree(path).body if path else []:
        if isinstance(node, _DEFINITIONS):
            found.append(node.name)
        elif isinstance(node, ast.ImportFrom):
            found += [alias.asname or alias.name for alias in node.names]
    return found


_DEFINITIONS = (ast.ClassDef, ast.FunctionDef)


def _of_class(node: ast.ClassDef, module: str) -> Signature | None:
    """Signature of a class: its ``__init__``, or dataclass fields, or the base class's where it has none."""
    constructor = next((n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
    if constructor is None:
        return _of_dataclass(node, module) if _is_dataclass(node) else _of_base(node, module)
    own = _read(constructor.args, skip_first=True)
    # A constructor that ends in **keys hands them to its base class: the schema goes on there.
    if own.open and (base := _of_base(node, module)) is not None:
        return Signature({**base.parameters, **own.parameters}, base.open)
    return own


def _is_dataclass(node: ast.ClassDef) -> bool:
    names = [decorator.func if isinstance(decorator, ast.Call) else decorator for decorator in node.decorator_list]
    return any(ast.unparse(name).rsplit(".", 1)[-1] == "dataclass" for name in names)


def _of_dataclass(node: ast.ClassDef, module: str) -> Signature:
    """Fields of a dataclass, after those of its base class."""
    base = _of_base(node, module)
    parameters = dict(base.parameters) if base is not None else {}
    for item in node.body:
        if not isinstance(item, ast.AnnAssign) or not isinstance(item.target, ast.Name):
            continue
        options = _field_options(item.value)
        if (
            "ClassVar" in ast.unparse(item.annotation)
            or ast.unparse(options.get("init", ast.Constant(True))) == "False"
        ):
            continue
        given = item.value is not None and (not options or bool(options.keys() & {"default", "default_factory"}))
        parameters[item.target.id] = Parameter(evaluate(item.annotation), required=not given)
    return Signature(parameters)


def _field_options(value: ast.expr | None) -> dict[str, ast.expr]:
    """Arguments of ``field(...)``; empty for any other default."""
    if isinstance(value, ast.Call) and ast.unparse(value.func).rsplit(".", 1)[-1] == "field":
        return {keyword.arg: keyword.value for keyword in value.keywords if keyword.arg}
    return {}


def _of_base(node: ast.ClassDef, module: str) -> Signature | None:
    for base in node.bases:
        if isinstance(base, ast.Name):
            found, where = _find(module, base.id)
            if isinstance(found, ast.ClassDef):
                return _of_class(found, where)
    return None


def _read(arguments: ast.arguments, *, skip_first: bool) -> Signature:
    positional = [*arguments.posonlyargs, *arguments.args]
    without_default = len(positional) - len(arguments.defaults)
    required = {arg.arg: index < without_default for index, arg in enumerate(positional)}
    required |= {
        arg.arg: default is None for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    }
    taken = positional[1 if skip_first else 0 :] + arguments.kwonlyargs
    parameters = {arg.arg: Parameter(evaluate(arg.annotation), required[arg.arg]) for arg in taken}
    return Signature(parameters, open=arguments.kwarg is not None)


def evaluate(node: ast.expr | None) -> Any:
    """The type behind an annotation as far as it can be known without importing its module."""
    match node:
        case ast.Constant(value=str() as text):
            return evaluate(ast.parse(text, mode="eval").body)
        case ast.Constant(value=None):
            return type(None)
        case ast.Name(id=name):
            return _NAMES.get(name, UNKNOWN)
        case ast.BinOp(op=ast.BitOr(), left=left, right=right):
            return _union([left, right])
        case ast.Subscript(value=ast.Name(id="Union"), slice=ast.Tuple(elts=members)):
            return _union(members)
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            return _union([inner, ast.Constant(None)])
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            values = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return typing.Literal[tuple(ast.literal_eval(value) for value in values)]
        case ast.Subscript(value=ast.Name(id="list" | "Sequence" | "dict" as name), slice=inner):
            members = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            known = tuple(typing.Any if (part := evaluate(m)) is UNKNOWN else part for m in members)
            return types.GenericAlias(dict if name == "dict" else list, known)
        case _:
            return UNKNOWN


def _union(members: list[ast.expr]) -> Any:
    """Union of the members; unknown as soon as one of them is, but a Tensor can never stand in a YAML."""
    known = [evaluate(member) for member in members if ast.unparse(member) not in _TENSORS]
    return typing.Union[tuple(known)] if known and UNKNOWN not in known else UNKNOWN  # noqa: UP007 - built from a list


_TENSORS = ("Tensor", "torch.Tensor")


def _find(module: str, name: str, depth: int = 4) -> tuple[ast.stmt | None, str]:
    """The definition of ``name``, following ``from x import name`` through packages."""
    path = _source(module)
    if path is None or depth == 0:
        return None, module
    for node in _tree(path).body:
        if isinstance(node, _DEFINITIONS) and node.name == name:
            return node, module
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _find(_absolute(node, module, path), alias.name, depth - 1)
    return None, module


def _absolute(node: ast.ImportFrom, module: str, path: Path) -> str:
    if node.level == 0:
        return node.module or ""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def _source(module: str) -> Path | None:
    """File of a module, found without importing it or its parents (``find_spec`` would import torch)."""
    top, *rest = module.split(".")
    if not top.isidentifier():
        return None
    loaded = sys.modules.get(top)
    spec = loaded.__spec__ if loaded is not None else importlib.util.find_spec(top)
    if spec is None:
        return None
    roots = [Path(place) for place in spec.submodule_search_locations or []]
    if not roots:
        return Path(spec.origin) if spec.origin and not rest else None
    for root in roots:
        stem = root.joinpath(*rest)
        for candidate in (stem / "__init__.py", stem.with_suffix(".py")):
            if candidate.is_file():
                return candidate
    return None
