"""A page as tests read it."""

import json
import re
from collections import Counter
from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Texts, sources and ids of a page, and its scripts apart; fails on tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.sources: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.texts: list[str] = []
        self.data: list[Any] = []
        self.scripts: list[str] = []
        self._is_data = False
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        given = dict(attrs)
        self.sources += [str(given["src"])] if "src" in given else []
        self.links += [str(given["href"])] if "href" in given else []
        self.ids += [str(given["id"])] if "id" in given else []
        self._is_data = given.get("type") == "application/json"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["script"]:
            self.texts.append(data)
        elif self._is_data:
            self.data.append(json.loads(data))
        else:
            self.scripts.append(data)

    @property
    def charts(self) -> list[str]:
        """What each chart of the page shows, in words."""
        return [chart["summary"] for chart in self.data]

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


def without_scripts(text: str) -> str:
    """A page without what its scripts say: the drawing program names addresses that it does not ask for."""
    return re.sub("<script>.*?</script>", "", text, flags=re.DOTALL)
