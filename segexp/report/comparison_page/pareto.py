"""Which points no other point beats in cost and in value at once."""

from collections.abc import Sequence


def front(points: Sequence[tuple[float, float]], *, lower: bool) -> list[int]:
    """The Pareto front of (cost, value) points.

    Args:
        points: Less cost is better.
        lower: Whether a lower value is better too.

    Returns:
        Indices from the cheapest to the dearest. Of equal points all are kept: none beats the other.
    """
    order = sorted(range(len(points)), key=lambda index: (points[index][0], _loss(points[index][1], lower)))
    kept: list[int] = []
    for index in order:
        cost, loss = points[index][0], _loss(points[index][1], lower)
        last = points[kept[-1]] if kept else None
        if last is None or loss < _loss(last[1], lower) or (cost, points[index][1]) == last:
            kept.append(index)
    return kept


def _loss(value: float, lower: bool) -> float:
    return value if lower else -value
