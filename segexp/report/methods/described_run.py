"""A run as sentences are made of it: its files, its config as flat keys, and what it cites."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from segexp.report import values
from segexp.report.comparison_page.configurations.settings import flat_config
from segexp.report.markdown import escape_text, format_code
from segexp.report.methods.cited import Citations, cited_by
from segexp.runs import entries
from segexp.runs.contents import RunContents

LISTED = 8
"""Items of a list that are written out, such as classes."""


@dataclass(frozen=True)
class DescribedRun:
    """The plain files of a run, finished or not, and what sentences take from them."""

    contents: RunContents

    @cached_property
    def config(self) -> dict[str, Any]:
        """config.yaml as flat keys; empty where it cannot be read."""
        return flat_config(self.contents.config)

    @cached_property
    def options(self) -> dict[str, str]:
        """The option that was chosen in each group."""
        chosen = self.contents.run.get("choices")
        found = chosen.items() if isinstance(chosen, Mapping) else ()
        return {str(group): str(name) for group, name in found if str(name) != "None"}

    @cached_property
    def citations(self) -> Citations:
        """Sources that the run is to cite."""
        results = self.contents.results
        names = [entries.to_text(row.get("name")) for row in entries.rows_of(results)]
        intervals = isinstance(entries.model_row(results).get("interval"), dict)
        return cited_by(self.config, self.options, self.data_name, names, intervals)

    @property
    def data_name(self) -> str:
        """Name of the data set, as the run calls it."""
        named = entries.get_in(self.contents.run, "data", "name")
        return entries.to_text(named or entries.get_in(self.contents.results, "task", "datamodule"))

    def known(self, key: str) -> Any:
        """Value of a key of the config; None where it has none, or is null, false, ``none`` or empty; 0 is a value."""
        value = self.config.get(key)
        # 0 equals False: a weight decay of 0 is a setting, and False is none.
        return None if value is None or value is False or value in ("none", "", [], {}) else value

    def positive(self, key: str) -> Any:
        """Value of a key of the config with which nothing is done where it is 0; then, and without one, None."""
        return self.known(key) or None

    def cite(self, section: str) -> str:
        """The citations of a block of the config, with a blank before them."""
        return self.citations.marks(section)

    def class_of(self, section: str) -> str:
        """Name of the class of a block, such as ``UNet``; empty where there is none."""
        return class_name(self.config.get(f"{section}._target_"))

    def settings(self, section: str, *left_out: str) -> str:
        """``lr 0.005, weight_decay 0``: keys of a block and their values, but those that are null or false.

        Args:
            section: Of the config, ``optimizer`` or ``loss.terms.bce``.
            left_out: Last parts of keys that are not said.
        """
        pairs = [
            f"{escape_text(key.removeprefix(f'{section}.'))} {escape_text(values.format_plain(value))}"
            for key, value in self.config.items()
            if key.startswith(f"{section}.") and self.known(key) is not None
            and key.rpartition(".")[2] not in ("_target_", "_partial_", *left_out)
        ]  # fmt: skip
        return ", ".join(pairs)


def class_name(target: object) -> str:
    """The last part of a ``_target_``, as code; empty where it is none."""
    name = entries.to_text(target).rpartition(".")[2]
    return format_code(name) if name else ""


def join_words(words: list[str]) -> str:
    """``a, b and c``; of many the first, and how many more."""
    if len(words) > LISTED:
        return f"{', '.join(words[:LISTED])} and {len(words) - LISTED} more"
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""
