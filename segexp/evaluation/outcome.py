"""The figures of a test on the disk, results.json first: what comes later can fail and costs no figure."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np

from segexp.errors import RunFolderGoneError, SegexpError
from segexp.evaluation.afterwards import Afterwards
from segexp.evaluation.results import per_image
from segexp.metrics.figures import Family, Leaves, dataset_leaves, image_leaves
from segexp.report.run_page.tables.predictors import results_table
from segexp.runs.console import LOG
from segexp.runs.folder import RunFolder
from segexp.system.causes import reason_of
from segexp.tasks.predictor_result import PredictorResult

R = TypeVar("R", bound=PredictorResult)
Panels = list[dict[str, Any]]
"""Entries of results.json, one per panel."""


class RunFailed(SegexpError):
    """Training cannot give a result, for example because the loss became nan."""


@dataclass(frozen=True)
class Outcome(Generic[R]):
    """The figures of a test, and how they become results.json.

    Attributes:
        folder: Where it is written.
        rows: Of the model.
        others: Makes the rows that stand beside it, by what they are in words.
        names: Of the test images.
        content: Content of results.json of rows and a number of bootstrap samples, panels left out.
    """

    folder: RunFolder
    rows: Sequence[R]
    others: Mapping[str, Callable[[], Sequence[R]]]
    names: Sequence[str]
    content: Callable[[Sequence[R], int], dict[str, Any]]

    def write(self, after: Afterwards, resamples: int, draw: Callable[[R], Panels]) -> dict[str, Any]:
        """Writes the model's figures at once, then all figures, the table of images, and draws the pictures.

        Args:
            after: Keeps what could not be made.
            resamples: Bootstrap samples.
            draw: Draws the pictures of the model's row; gives the entries of its panels.

        Returns:
            The content of results.json.

        Raises:
            RunFailed: results.json cannot be written; the figures are printed.
        """
        rows = _sound(self.rows, after, self.names)
        self._keep(self.content(rows, 0), after)
        for what, make in self.others.items():
            rows += _sound(after.make(what, make) or [], after)
        content = after.make("confidence intervals", lambda: self.content(rows, resamples)) or self.content(rows, 0)
        self._keep(content, after)
        after.complete = True
        after.make("per_image.csv", lambda: self._write_images(rows))
        content["panels"] = after.make("pictures of the test", lambda: self._drawn(rows[0], draw)) or []
        after.make("the list of panels in results.json", lambda: self._write(content))
        return content

    def _drawn(self, row: R, draw: Callable[[R], Panels]) -> Panels:
        self.folder.require_there()  # or pictures would lie in a folder without all else
        return draw(row)

    def _write(self, content: Mapping[str, Any]) -> None:
        self.folder.write_json("results.json", finite(content))

    def _write_images(self, rows: Sequence[R]) -> None:
        # Names as they are: other tables are joined by them.
        self.folder.write_csv("per_image.csv", per_image(rows, list(self.names)), as_it_is=True)

    def _keep(self, content: Mapping[str, Any], after: Afterwards) -> None:
        """Before there are pictures."""
        try:
            self._write({**content, "panels": []})
        except (OSError, RunFolderGoneError) as error:
            LOG.info("\n" + results_table(content))
            if isinstance(error, RunFolderGoneError):
                raise RunFailed(f"{error}, so the figures of the test are told above alone") from error
            raise RunFailed(
                f"{self.folder.path / 'results.json'}: cannot be written ({reason_of(error)}), so the figures are told "
                f"above; once it can be: {after.again}"
            ) from error


def finite(tree: Any) -> Any:
    """Replaces nan and infinity, which a measure of the user's own may give, by null."""
    if isinstance(tree, Mapping):
        return {key: finite(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [finite(value) for value in tree]
    return None if isinstance(tree, float) and not math.isfinite(tree) else tree


def _sound(rows: Sequence[R], after: Afterwards, names: Sequence[str] = ()) -> list[R]:
    """The rows without the measures whose figures cannot be made of their sums; each is told once."""
    known = {entry["what"] for entry in after.not_made}
    found = []
    for row in rows:
        families = {}
        for name, family in row.families.items():
            what = f"figures of the measure {name}"
            # A family may have no figure of a single image, and is sound all the same.
            if what not in known and (leaves := after.make(what, partial(_figures, family))) is not None:
                families[name] = family
                if names and row is rows[0]:
                    _tell_infinite(leaves, names)
            known |= {entry["what"] for entry in after.not_made}
        found.append(replace(row, families=families))
    return found


def _figures(family: Family) -> Leaves:
    """Makes all figures once; gives those of the images."""
    dataset_leaves([family])
    return image_leaves([family])


def _tell_infinite(leaves: Leaves, names: Sequence[str]) -> None:
    """Names the images for which a figure of the model is infinite: JSON has no such number."""
    for path, values in leaves.items():
        bad = [names[number] for number in np.flatnonzero(np.isinf(values)).tolist() if number < len(names)]
        if bad:
            shown = ", ".join(bad[:4]) + (f" and {len(bad) - 4} more" if len(bad) > 4 else "")
            LOG.warning(f"{'/'.join(path)} is infinite for {shown}: empty in per_image.csv, null in results.json")
