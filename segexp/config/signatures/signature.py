"""Reads the constructor of a ``_target_`` from its source, without importing it.

The typed signature of a model, loss or datamodule is the schema of its YAML. Importing the class would import
torch (seconds); parsing its file takes milliseconds, so a wrong key or value is refused at once.
"""

import ast
import builtins
import types
import typing
from dataclasses import dataclass
from typing import Any

import segexp.types
from segexp.config.signatures.remembered import remember_found
from segexp.config.signatures.source import DEPTH, Found, find

UNKNOWN = object()
"""Annotation that cannot be judged without importing; anything goes."""

_NAMES: dict[str, Any] = {
    name: value
    for module in (builtins, typing, segexp.types)
    for name, value in vars(module).items()
    # Of what is built in the types alone: ``x: callable`` names a function.
    if not name.startswith("_") and (module is not builtins or isinstance(value, type))
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


_OBJECT = Signature({})
"""Of a class that has no constructor of its own, nor do its bases."""

_WITHOUT_CONSTRUCTOR = {"object", "ABC", "Protocol", "Generic"}
"""Bases that take no keys; ``abc`` is built into the interpreter and has no file to be read."""


@remember_found
def signature(target: str) -> Signature | None:
    """The signature behind a dotted path.

    Args:
        target: For example ``segexp.models.unet.UNet`` or ``torch.optim.Adam``.

    Returns:
        None when the module's source cannot be found or does not define the name; the import will then tell.
    """
    module, _, name = target.rpartition(".")
    found = find(module, name)
    if isinstance(found.node, ast.FunctionDef):
        return _read(found.node.args, skip_first=False)
    if isinstance(found.node, ast.ClassDef):
        return _of_class(found.node, found.module)
    return None


def exists(target: str) -> bool | None:
    """Returns whether a dotted path names a class or function; None when its source cannot tell."""
    module, _, name = target.rpartition(".")
    found = find(module, name)
    if found.node is not None:
        return True
    return False if found.absent else None


def _of_class(node: ast.ClassDef, module: str, depth: int = DEPTH) -> Signature | None:
    """Signature of a class: its constructor, or dataclass fields, or the base class's where it has none."""
    own = _own(node)
    if own is None:
        if _is_dataclass(node):
            return _of_dataclass(node, module, depth)
        # Other decorators and metaclasses may write a constructor, as attrs does.
        return None if node.decorator_list or _has_metaclass(node) else _of_base(node, module, depth)
    # A constructor that ends in **keys and hands them to its base class: the schema goes on there.
    if own.open and _hands_on(node) and (base := _of_base(node, module, depth)) is not None and base is not _OBJECT:
        given = _given_to_base(node)
        above = {name: parameter for name, parameter in base.parameters.items() if name not in given}
        return Signature({**above, **own.parameters}, base.open)
    return own


def _constructor(node: ast.ClassDef) -> ast.FunctionDef | None:
    """``__init__``, or ``__new__`` where there is no other; the last one wins (the others are overloads)."""
    methods = {method.name: method for method in node.body if isinstance(method, ast.FunctionDef)}
    return methods.get("__init__", methods.get("__new__"))


def _hands_on(node: ast.ClassDef) -> bool:
    """Whether its ``**keys`` go to another constructor; Lightning's DDPStrategy keeps them for torch's DDP.

    A ``__new__`` may call another class in place of a base, as torchmetrics.F1Score does.
    """
    constructor = _constructor(node)
    if constructor is None or constructor.args.kwarg is None:
        return False
    every = [each for each in ast.walk(constructor) if isinstance(each, ast.Name)]
    used = [each for each in every if each.id == constructor.args.kwarg.arg]
    calls = [each for each in ast.walk(constructor) if isinstance(each, ast.Call)]
    handed = [
        given.value
        for call in calls
        for given in call.keywords
        if given.arg is None
        and (
            constructor.name == "__new__"
            or (isinstance(call.func, ast.Attribute) and call.func.attr in ("__init__", "__new__"))
        )
    ]
    return not used or any(each in handed for each in used)


def _given_to_base(node: ast.ClassDef) -> set[str]:
    """Keys that a constructor gives its base class by itself: of ``super().__init__(beta=1.0, **keywords)``, beta."""
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    supers = [call for call in calls if ast.unparse(call.func) == "super().__init__"]
    return {keyword.arg for call in supers for keyword in call.keywords if keyword.arg is not None}


def _own(node: ast.ClassDef) -> Signature | None:
    """What its constructor takes."""
    constructor = _constructor(node)
    if constructor is None:
        return None
    found, taken = _read(constructor.args, skip_first=True), _taken_out(constructor)
    return found if taken is None else Signature({**found.parameters, **taken})


def _taken_out(constructor: ast.FunctionDef) -> dict[str, Parameter] | None:
    """Keys that ``**keywords`` may have where what is left of them is refused; None where anything goes.

    As torchmetrics does: ``keywords.pop("sync_on_compute", True)`` for each, then ``if keywords: raise ...``.
    """
    rest = constructor.args.kwarg
    refused = rest is not None and any(
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == rest.arg
        and any(isinstance(inner, ast.Raise) for inner in node.body)
        for node in constructor.body
    )
    if rest is None or not refused:
        return None
    calls = [node for node in ast.walk(constructor) if isinstance(node, ast.Call) and node.args]
    popped = [call.args[0] for call in calls if ast.unparse(call.func) == f"{rest.arg}.pop"]
    return {str(key.value): Parameter(UNKNOWN, False) for key in popped if isinstance(key, ast.Constant)}


def _has_metaclass(node: ast.ClassDef) -> bool:
    return any(ast.unparse(keyword.value).rsplit(".", 1)[-1] != "ABCMeta" for keyword in node.keywords)


def _is_dataclass(node: ast.ClassDef) -> bool:
    """Whether the constructor is made of annotated fields."""
    if any(ast.unparse(base).rsplit(".", 1)[-1] == "NamedTuple" for base in node.bases):
        return True
    names = [decorator.func if isinstance(decorator, ast.Call) else decorator for decorator in node.decorator_list]
    return any(ast.unparse(name).rsplit(".", 1)[-1] == "dataclass" for name in names)


def _of_dataclass(node: ast.ClassDef, module: str, depth: int) -> Signature:
    """Fields of a dataclass, after those of its base class."""
    base = _of_base(node, module, depth)
    parameters = dict(base.parameters) if base is not None else {}
    for item in node.body:
        if not isinstance(item, ast.AnnAssign) or not isinstance(item.target, ast.Name):
            continue
        options = _field_options(item.value)
        if (
            "ClassVar" in ast.unparse(item.annotation)
            or "KW_ONLY" in ast.unparse(item.annotation)
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


def _of_base(node: ast.ClassDef, module: str, depth: int) -> Signature | None:
    """What the first base with a constructor takes; None where a base before it cannot be read."""
    for base in node.bases:
        name = base.value if isinstance(base, ast.Subscript) else base
        if ast.unparse(name).rsplit(".", 1)[-1] in _WITHOUT_CONSTRUCTOR:
            continue
        found = find(module, name.id) if isinstance(name, ast.Name) else Found(None, module)
        # A class may stand on another of its own name, which the same name no longer finds.
        if depth == 0 or not isinstance(found.node, ast.ClassDef) or found.node is node:
            return None
        of_base = _of_class(found.node, found.module, depth - 1)
        if of_base is not _OBJECT:
            return of_base
    return _OBJECT


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
            return _evaluate_text(text)
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
            return _literal(inner.elts if isinstance(inner, ast.Tuple) else [inner])
        case ast.Subscript(value=ast.Name(id="list" | "Sequence" | "dict" as name), slice=inner):
            members = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            known = tuple(typing.Any if (part := evaluate(m)) is UNKNOWN else part for m in members)
            return types.GenericAlias(dict if name == "dict" else list, known)
        case _:
            return UNKNOWN


def _evaluate_text(text: str) -> Any:
    """An annotation in quotes; words that are no Python say nothing."""
    try:
        return evaluate(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError):
        return UNKNOWN


def _literal(values: list[ast.expr]) -> Any:
    """Choices; unknown where one of them is a name."""
    try:
        return typing.Literal[tuple(ast.literal_eval(value) for value in values)]
    except (ValueError, TypeError, SyntaxError):
        return UNKNOWN


def _union(members: list[ast.expr]) -> Any:
    """Union of the members; unknown as soon as one of them is, but a Tensor can never stand in a YAML."""
    known = [evaluate(member) for member in members if ast.unparse(member) not in _TENSORS]
    return typing.Union[tuple(known)] if known and UNKNOWN not in known else UNKNOWN  # noqa: UP007 - built from a list


_TENSORS = ("Tensor", "torch.Tensor")
