"""What a framework does otherwise by design, and how far that may take its results."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Difference(NamedTuple):
    """A documented difference that no parameter of the framework changes.

    Attributes
    ----------
    reason : str
        What is different.
    allowance : callable or None
        Called as the function is; gives the absolute error to allow beside rounding, an array or a
        number: infinite where any value goes, 0 where the difference does not reach. An infinite
        number allows a refusal too. None: the difference reaches nothing that is judged.
    quantity : str or None
        The one result that is concerned; None for all.
    """

    reason: str
    allowance: Callable[..., Any] | None = None
    quantity: str | None = None
