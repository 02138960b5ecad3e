"""Tables of times and ratios, and exponents of how times grow."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.workers import OURS

FASTEST = "fastest"

Seconds = Mapping[str, float]


class Table:
    """Lines of a label, milliseconds of each library, ratios to ours, and something more."""

    def __init__(
        self,
        width: int,
        libraries: Iterable[str],
        against: Sequence[str] = (),
        extras: Sequence[str] = (),
    ) -> None:
        self._width, self._extras = width, extras
        self._libraries = list(libraries)
        self._against = list(against or self._libraries[1:])

    def header(self) -> str:
        """Name the columns; ``/torch`` is its time over ours."""
        ratios = [f"/{name}" for name in self._against]
        return self._join("", [*self._libraries, *ratios, *self._extras])

    def line(self, label: str, seconds: Seconds, *extras: str) -> str:
        """Show the times of one call, and what comes after the ratios."""
        times = [f"{seconds[n] * 1e3:.3f}" if n in seconds else "-" for n in self._libraries]
        ratios = [ratio(seconds, name) for name in self._against]
        shown = ["-" if value is None else f"{value:.2f}" for value in ratios]
        return self._join(label, [*times, *shown, *extras])

    def summary(self, label: str, rows: Iterable[Seconds]) -> str:
        """Tell the geometric mean of the ratios, and the least."""
        rows, parts = list(rows), []
        for name in self._against:
            known = [r for r in (ratio(seconds, name) for seconds in rows) if r is not None]
            if known:
                mean = statistics.geometric_mean(known)
                parts.append(f"{name} / {OURS}: geometric mean {mean:.2f}, least {min(known):.2f}")
        return f"{label}: " + "; ".join(parts)

    def _join(self, label: str, columns: Sequence[str]) -> str:
        return f"{label:{self._width}}" + "".join(f"{column:>11}" for column in columns)


def ratio(seconds: Seconds, against: str) -> float | None:
    """Divide the time of a library, or of the fastest other one, by ours; None without it."""
    others = {name: value for name, value in seconds.items() if name != OURS}
    other = min(others.values(), default=None) if against == FASTEST else others.get(against)
    return None if other is None else other / seconds[OURS]


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Fit p in ``values ~ sizes ** p`` by least squares of the logarithms.

    >>> exponent([1, 2, 4], [3, 12, 48])
    2.0
    """
    x, y = ([math.log(value) for value in series] for series in (sizes, values))
    return statistics.linear_regression(x, y).slope
