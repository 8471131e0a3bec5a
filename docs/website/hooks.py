"""What MkDocs calls while it builds the site: pages that are made of code and of files outside docs/, and their links.

Pages of docs/ link to files of the repository as they do on any server that shows it; here such links lead to the pages
that are made of these files.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, InclusionLevel

from docs.website.api import api_pages
from docs.website.keys import key_pages
from docs.website.tutorials import is_notebook, listing_page, notebook_page, title_of

ROOT = Path(__file__).resolve().parents[2]
PROJECT = {
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CODE_OF_CONDUCT.md": "project/code_of_conduct.md",
    "SECURITY.md": "project/security.md",
}
"""Pages that lie beside docs/, and where they stand in the site."""
LINK = re.compile(r"(?<=\]\()(?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?(?=\))")


def notebooks() -> dict[str, str]:
    """Markdown by path below docs/ of every notebook of examples/."""
    return {_page_of(name): notebook_page(text, name) for name, text in _examples() if is_notebook(text)}


def listings() -> dict[str, str]:
    """Markdown by path below docs/ of every other file of examples/: pages link to some, no order has them."""
    return {_page_of(name): listing_page(ROOT / name, name) for name, text in _examples() if not is_notebook(text)}


def _examples() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "examples").rglob("*")):
        if path.suffix in (".py", ".yaml"):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def on_config(config: Any) -> Any:
    """Puts the notebooks into the tutorials, where mkdocs.yml names none of them."""
    tutorials = next(entry["Tutorials"] for entry in config.nav if "Tutorials" in entry)
    named = {path for entry in tutorials if isinstance(entry, dict) for path in entry.values()}
    for uri, page in notebooks().items():
        if uri not in named:
            tutorials.append({title_of(page): uri})
    return config


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages that are made."""
    for uri, text in (key_pages() | api_pages() | notebooks()).items():
        files.append(File.generated(config, uri, content=text))
    for uri, text in listings().items():
        files.append(File.generated(config, uri, content=text, inclusion=InclusionLevel.NOT_IN_NAV))
    for name, uri in PROJECT.items():
        files.append(File.generated(config, uri, content=(ROOT / name).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Leads links to files of the repository to the pages that are made of them."""
    uri = page.file.src_uri
    home = {place: name for name, place in PROJECT.items()}.get(uri, f"docs/{uri}")
    return LINK.sub(lambda found: _relinked(found[1], home, uri) + (found[2] or ""), markdown)


def on_post_build(config: Any) -> None:
    """Leaves out the page that only a server shows, where an address is not there: its links begin at the root."""
    (Path(config.site_dir) / "404.html").unlink(missing_ok=True)


def _relinked(target: str, home: str, uri: str) -> str:
    """A link of the file ``home`` of the repository, as a link of the page ``uri``."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(home), target))
    place = PROJECT.get(path) or (_page_of(path) if path.startswith("examples/") else path.removeprefix("docs/"))
    return posixpath.relpath(place, posixpath.dirname(uri) or ".")


def _page_of(name: str) -> str:
    """Where a file of examples/ stands in the site; a notebook is the script beside it."""
    return f"{name.removesuffix('.ipynb')}.py.md" if name.endswith(".ipynb") else f"{name}.md"
