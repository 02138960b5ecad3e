"""Draw the arrays of a counterexample as SVG: a grid of cells for each of their planes."""

import math
from collections.abc import Collection, Mapping
from html import escape
from itertools import product
from typing import Any

__all__ = ["draw", "place_of", "spell", "spell_place"]

ROW, LETTER, GAP, TITLE = 22, 7.2, 14, 16  # in pixels: a row of cells, a sign, between planes
LARGEST = 256  # cells: beyond, nobody would look at them one by one
WIDEST = 24  # cells in a row
PHONE = 320  # pixels that a line of planes may take


def draw(
    name: str,
    array: Mapping[str, Any],
    marks: Mapping[str, Collection[int]],
    factors: Mapping[int, str] | None = None,
    digits: int = 4,
) -> str:
    """Draw an array, a grid for each plane of its last two axes.

    Parameters
    ----------
    name : str
        What it is.
    array : mapping
        ``shape``, ``dtype`` and ``data``, as in the report.
    marks : mapping of str to collection of int
        Cells to mark, in row-major order, by how: ``"wrong"`` have a filled corner, ``"at"`` a
        frame, and ``"feeding"`` are shaded.
    factors : mapping of int to str, optional
        What a cell is multiplied with, to stand beside its value.
    digits : int
        Significant digits of a value.

    Returns
    -------
    str
        A figure of HTML; without a picture where the array is too large, or empty.

    Examples
    --------
    >>> weight = {"shape": [1, 1, 2], "dtype": "float32", "data": [0.0, 2.5]}
    >>> figure = draw("weight", weight, {"feeding": [1]})
    >>> figure.count("<rect"), ">2.5</text>" in figure
    (2, True)
    """
    shape, data = list(array["shape"]), array["data"]
    label = f"{name}: {array['dtype']} {tuple(shape)}"
    caption = f"<figcaption>{escape(label)}</figcaption>"
    rows, width = ([1, 1, *shape])[-2:]
    if not 0 < len(data) <= LARGEST or width > WIDEST:
        return f"<figure>{caption}</figure>"
    values = [spell(value, digits) for value in data]
    for place, factor in (factors or {}).items():
        values[place] += f" · {factor}" if factor else ""
    cell = math.ceil(max(26, LETTER * max(map(len, values)) + 10))
    planes = list(product(*map(range, shape[:-2])))
    titled = TITLE if len(planes) > 1 else 0
    across = max(width * cell, titled and LETTER * len(str(list(planes[0])))) + GAP
    down = rows * ROW + titled + GAP
    line = max(1, min(len(planes), int(PHONE // across)))  # planes beside each other
    parts = []
    for number, plane in enumerate(planes):
        left, top = 2 + number % line * across, 2 + number // line * down
        if titled:
            parts.append(f'<text x="{left:g}" y="{top + 11}" class="plane">{list(plane)}</text>')
        for i in range(rows * width):
            at = number * rows * width + i
            corner = (left + i % width * cell, top + titled + i // width * ROW)
            parts.append(
                _cell(values[at], corner, cell, [how for how in marks if at in marks[how]])
            )
    size = f"{line * across - GAP + 4:g}", f"{-(-len(planes) // line) * down - GAP + 4}"
    return (
        f'<figure>{caption}<svg role="img" aria-label="{escape(_spoken(label, shape, marks))}" '
        f'width="{size[0]}" height="{size[1]}" viewBox="0 0 {size[0]} {size[1]}">'
        f"{''.join(parts)}</svg></figure>"
    )


def spell_place(place: int, shape: Collection[int]) -> str:
    """Spell a place in row-major order as an index.

    Examples
    --------
    >>> spell_place(5, [2, 1, 3])
    '[1, 0, 2]'
    """
    index = []
    for n in reversed(list(shape)):
        place, i = divmod(place, n)
        index.append(i)
    return str(index[::-1])


def place_of(index: Collection[int], shape: Collection[int]) -> int:
    """Count the elements before an index in row-major order.

    Examples
    --------
    >>> place_of([1, 0, 2], [2, 1, 3])
    5
    """
    place = 0
    for i, n in zip(index, shape, strict=True):
        place = place * n + i
    return place


def _cell(text: str, corner: tuple[float, float], width: int, marks: list[str]) -> str:
    """Draw a cell, so marked that colours are not needed to tell."""
    x, y = corner
    parts = [
        f'<rect x="{x:g}" y="{y:g}" width="{width}" height="{ROW}" class="{" ".join(marks)}"/>'
    ]
    if "wrong" in marks:
        parts.append(f'<path d="M{x + width - 9:g} {y:g}h9v9z" class="corner"/>')
    if "at" in marks:
        frame = f"M{x + 2:g} {y + 2:g}h{width - 4}v{ROW - 4}h{4 - width}z"
        parts.append(f'<path d="{frame}" class="frame"/>')
    parts.append(f'<text x="{x + width / 2:g}" y="{y + 15:g}">{escape(text)}</text>')
    return "".join(parts)


def spell(value: float | str, digits: int = 4) -> str:
    """Spell a value in a few signs; NaN and infinities stand as strings in a report.

    Examples
    --------
    >>> spell(0.123456), spell(3), spell("nan")
    ('0.1235', '3', 'nan')
    """
    return value if isinstance(value, str) else f"{value:.{digits}g}"


def _spoken(label: str, shape: list[int], marks: Mapping[str, Collection[int]]) -> str:
    """Say what the picture shows."""
    parts = [label]
    for how, places in marks.items():
        if places:
            parts.append(f"{how}: {', '.join(spell_place(i, shape) for i in places)}")
    return "; ".join(parts)
