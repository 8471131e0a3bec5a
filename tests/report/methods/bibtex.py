"""A strict reader of BibTeX: what it takes, bibtex and biber take; all else fails."""

import re

_HEAD = re.compile(r"@([a-z]+)\{([a-z0-9_:-]+),\s*")
_FIELD = re.compile(r"([a-z]+)\s*=\s*\{")
NEEDED = {
    "article": {"author", "title", "journal", "year"},
    "inproceedings": {"author", "title", "booktitle", "year"},
    "techreport": {"author", "title", "institution", "year"},
    "misc": {"author", "title", "howpublished", "year"},
}


def parse_bibtex(text: str) -> dict[str, dict[str, str]]:
    """Fields by key; kinds of entries that BibTeX knows, with the fields that it asks for, braces that close."""
    found: dict[str, dict[str, str]] = {}
    at = 0
    assert text.isascii(), "bibtex sorts and shortens bytes"
    while at < len(text):
        if blank := re.compile(r"\s+|%[^\n]*\n").match(text, at):
            at = blank.end()
            continue
        head = _HEAD.match(text, at)
        assert head, f"no entry begins at {text[at : at + 40]!r}"
        kind, key = head.groups()
        fields, at = _fields(text, head.end(), key)
        assert NEEDED[kind] <= fields.keys(), f"{key}: {sorted(NEEDED[kind] - fields.keys())} missing"
        assert key not in found, f"{key} is there twice"
        found[key] = fields
    return found


def _fields(text: str, at: int, key: str) -> tuple[dict[str, str], int]:
    fields: dict[str, str] = {}
    while True:
        field = _FIELD.match(text, at)
        assert field, f"{key}: no field at {text[at : at + 40]!r}"
        end, depth = field.end(), 1
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        value = text[field.end() : end - 1]
        assert field[1] not in fields, f"{key}: {field[1]} twice"
        assert not re.search(r"(?<!\\)[%#&_$]", value), f"{key}: {field[1]} would not survive LaTeX"
        fields[field[1]] = value
        after = re.compile(r"\s*(,?)\s*(\}?)").match(text, end)
        assert after
        at = after.end()
        if after[2]:
            return fields, at
        assert after[1], f"{key}: no comma behind {field[1]}"
