"""Checks built pages: every link and anchor leads somewhere, and nothing is loaded from elsewhere.

    python -m docs.website.links site

MkDocs looks at links between Markdown files; this looks at what a browser gets, templates and generated pages included.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {
    "script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src", "embed": "src",
    "object": "data", "link": "href",
}  # fmt: skip
"""Attribute that makes a browser load a file at once, by tag."""
NOT_LOADED = {"canonical", "alternate", "next", "prev", "author", "license", "edit"}
"""Kinds of ``link`` that are only read."""
ELSEWHERE = re.compile(r"""(?:url\(\s*['"]?|@import\s+['"])((?:https?:)?//[^'")\s]+)""")


class _Page(HTMLParser):
    """What a page links to, what it loads, and the places in it that may be linked to."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Takes note of one tag."""
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag in LOADED and LOADED[tag] in found and not set(found.get("rel", "").split()) & NOT_LOADED:
            self.loads.append(found[LOADED[tag]])


def problems_of(site: Path) -> list[str]:
    """Lists what is wrong with the pages below a folder, a line each; empty: nothing.

    Args:
        site: A built site; pages are its ``.html`` files.
    """
    pages = {path.resolve(): _read(path) for path in sorted(site.rglob("*.html"))}
    found = [f"{site}: no page"] if not pages else []
    for path, page in pages.items():
        name = path.relative_to(site.resolve()).as_posix()
        found += [f"{name}: loads {target} from elsewhere" for target in page.loads if _is_elsewhere(target)]
        inside = dict.fromkeys(target for target in (*page.links, *page.loads) if _is_inside(target))
        found += [f"{name}: {problem}" for target in inside if (problem := _broken(path, target, pages))]
    return found + list(_of_styles(site))


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def _is_elsewhere(target: str) -> bool:
    return urlsplit(target).scheme in ("http", "https") or target.startswith("//")


def _is_inside(target: str) -> bool:
    return not urlsplit(target).scheme and not target.startswith("//")


def _broken(path: Path, target: str, pages: dict[Path, _Page]) -> str | None:
    """What is wrong with a link from a page to a file or anchor of the site; None: nothing."""
    parts = urlsplit(target)
    place = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if place.is_dir():
        return f"{target} is a folder, which no disk shows as a page"
    if not place.is_file():
        return f"{target} leads nowhere"
    if parts.fragment and place in pages and unquote(parts.fragment) not in pages[place].anchors:
        return f"{target}: no such place on that page"
    return None


def _of_styles(site: Path) -> Iterator[str]:
    for path in sorted(site.rglob("*.css")):
        for found in ELSEWHERE.finditer(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(site).as_posix()}: loads {found[1]} from elsewhere"


def main(words: Sequence[str]) -> int:
    """Prints what is wrong with a built site; the exit code tells whether anything is."""
    found = problems_of(Path(words[0]))
    print("\n".join(found) if found else f"{words[0]}: links, anchors and loaded files are there")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
