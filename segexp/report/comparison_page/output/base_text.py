"""What differences are differences to, and what their p-values can be, in words."""

from collections.abc import Sequence

from segexp.report.comparison_page.comparison_group import ComparisonGroup
from segexp.report.comparison_page.search import Search
from segexp.report.comparison_page.significance import smallest_p_value


def base_reason(group: ComparisonGroup, searches: Sequence[Search] = ()) -> str:
    """By what the base was chosen: ``the best by mean IoU per image``, ``chosen by validation``, or asked for."""
    chosen = {search.best.folder.resolve() for search in searches if search.best and search.best.folder}
    if any(run.path.resolve() in chosen for run in group.base.runs):
        return "chosen by validation"
    if group.base is not group.rows[0] and group.base is not group.best_row:
        return "asked for by base="
    if group.searched:
        return "first by validation"
    by = f"by {group.measure.label_by_image} on these test images"
    return f"the best {by}" if group.base is group.best_row else f"first {by}, though a trivial predictor beats it"


def explained_p_values(group: ComparisonGroup) -> str:
    """A sentence on the smallest p-value of few images; empty where it is below .01 or nothing is compared."""
    images = max((len(found.images) for found in group.differences.values()), default=0)
    smallest = smallest_p_value(images)
    if not images or smallest < 0.01:
        return ""
    several = len(group.differences) > 1
    corrected = f"; corrected for {len(group.differences)} rows up to {len(group.differences)} times that" * several
    return (
        f"With {images} test image{'s' * (images > 1)} the smallest p that sign flips can give is 2/2^{images} = "
        f"{smallest:.3g}{corrected}: a large p beside an interval that leaves out zero says that images are too few."
    )
