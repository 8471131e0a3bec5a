"""Classes of masks as a table beside them names them, instead of a guess."""

from collections.abc import Sequence
from dataclasses import replace

from segexp.data.folder.masks.class_table import ClassTable
from segexp.data.folder.masks.guess_classes import KEY, Guess, as_value, key_of_value
from segexp.data.folder.masks.meaning import Value
from segexp.data.folder.masks.sample import MaskSample
from segexp.data.folder.override import format_override
from segexp.errors import DataError
from segexp.spec import IGNORED


def name_by_tables(
    sample: MaskSample, tables: Sequence[ClassTable], ignored: Sequence[int | str]
) -> tuple[Guess | None, str]:
    """Names the values of masks by the one table that has all of them.

    Args:
        sample: What was found in masks.
        tables: What lies beside them.
        ignored: Values that the config says to ignore.

    Returns:
        The classes, None where no table or several have all values; and why tables are not used, or nothing.

    Raises:
        DataError: Tables contradict each other, or one of numbers has all values but 255.
    """
    for table in tables:
        if table.contradiction:
            raise DataError(
                f"{KEY}: {table.contradiction}: masks of these folders count their classes each in its own way; export "
                f"them with one list of classes (labelme: labelme2voc.py), or say what values mean in all of them, as "
                f"{format_override('mask_values', {0: 'background', 1: 'foreground'})}"
            )
    forms = [sample]
    if sample.indices:
        forms.append(replace(sample, counts=sample.indices, is_colour=False))
    for form in forms:
        left_out = {as_value(key, form) for key in ignored}
        values = [value for value in form.counts if value not in left_out]
        fitting = [table for table in tables if table.of(values)]
        if len(fitting) == 1 and len(values) > 1:
            return _guess(values, fitting[0], form), ""
        _check_unlabelled(values, tables)
    if not tables:
        return None, ""
    paths = ", ".join(table.path for table in tables)
    return None, f"{paths}: not used for the names of classes, since not exactly one table has all values of the masks"


def _guess(values: Sequence[Value], table: ClassTable, sample: MaskSample) -> Guess:
    entries = table.of(values) or {}
    # Where some masks were not looked at they may show the other classes, too.
    more = [] if sample.looked_at == sample.of else [entry for entry in table.names if entry not in entries.values()]
    named = {value: table.names[entry] for value, entry in entries.items()} | {e: table.names[e] for e in more}
    order = [*table.names.values()]
    ranked = sorted(named) if len(named) == 2 else sorted(named, key=lambda value: order.index(named[value]))
    mapping: dict[int | str, int | str] = {key_of_value(value): named[value] for value in ranked}
    words = ", ".join(f"{key} is {name}" for key, name in mapping.items())
    coloured = {name: (value[0], value[1], value[2]) for value, name in named.items() if len(value) == 3}
    note = f"classes are named by {table.path}: {words}"
    return Guess(mapping, note, coloured if len(coloured) == len(named) else {}, sample.reading)


def _check_unlabelled(values: Sequence[Value], tables: Sequence[ClassTable]) -> None:
    """255 that a table of numbers does not have is most often what was not labelled; which is asked."""
    rest = [value for value in values if value != (IGNORED,)]
    fitting = [table for table in tables if (IGNORED,) not in table.names and table.of(rest)]
    if len(rest) == len(values) or len(rest) < 2 or len(fitting) != 1:
        return
    named = {key_of_value(value): fitting[0].names[entry] for value, entry in (fitting[0].of(rest) or {}).items()}
    raise DataError(
        f"{KEY}: masks hold {IGNORED}, for which {fitting[0].path} has no class; is it one, or what was not labelled? "
        f"Add one of these lines\n  {format_override('ignored', [IGNORED])}\n"
        f"  {format_override('mask_values', {**named, IGNORED: f'class_{len(named)}'})}"
    )
