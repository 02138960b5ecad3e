"""The choices that a case is made of: drawn by a seed, or by one who looks for smaller ones.

What draws a case takes a `Draw` and asks it for one choice after the other. Each is an integer, and
the least, or the first of a sequence, is the simplest.
"""

import functools
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from deconv_ref.conformance.case import Case

__all__ = ["Choices", "Draw", "Draws"]

T = TypeVar("T")


class Draw(ABC):
    """Makes choices."""

    def integer(self, least: int, most: int) -> int:
        """Choose an integer from `least` to `most`."""
        return self._chosen(least, most) if least < most else least

    def among(self, values: Sequence[T]) -> T:
        """Choose one of some values."""
        return values[self.integer(0, len(values) - 1)]

    def boolean(self) -> bool:
        """Choose whether."""
        return self.integer(0, 1) == 1

    def one_in(self, n: int) -> bool:
        """Choose whether, but True only one time in n."""
        return self.integer(1, n) == n

    @abstractmethod
    def once_in(self, n: int) -> bool:
        """Choose whether, but True for exactly one of n cases that are drawn one after the other.

        What costs much, and has to be met however few cases there are, is not left to chance.
        """

    def rng(self) -> np.random.Generator:
        """Choose a generator of values."""
        return np.random.default_rng(self.seed())

    def seed(self) -> int:
        """Choose what a generator of values starts from, which is made when values are wanted."""
        return self.integer(0, 2**32 - 1)

    @abstractmethod
    def _chosen(self, least: int, most: int) -> int:
        """Choose one of several integers."""


class Choices(Draw):
    """Makes given choices, then others at random, or the simplest.

    A given choice that is beyond those that there are is the last of them.

    Parameters
    ----------
    given : iterable of int
        How far each choice lies from the simplest.
    more : Random, optional
        Makes those that are not given.
    number : int
        Of the case, by which `once_in` goes.

    Attributes
    ----------
    made : list of int
        The choices as they were made, to be given again.

    Examples
    --------
    >>> draw = Choices([2, 0, 9])
    >>> [draw.integer(1, 6) for _ in range(4)], draw.made
    ([3, 1, 6, 1], [2, 0, 5, 0])
    """

    def __init__(
        self, given: Iterable[int] = (), more: random.Random | None = None, number: int = 0
    ) -> None:
        self.made: list[int] = []
        self._given = iter(given)
        self._more = more
        self._number = number

    def once_in(self, n: int) -> bool:
        """Choose whether, as it is the turn of the case: in the middle of n."""
        choice = min(next(self._given, int(self._number % n == n // 2)), 1)
        self.made.append(choice)
        return choice == 1

    def _chosen(self, least: int, most: int) -> int:
        choice = next(self._given, None)
        if choice is None:
            choice = _below(most - least + 1, self._more) if self._more else 0
        choice = min(choice, most - least)
        self.made.append(choice)
        return least + choice


def _below(limit: int, source: random.Random) -> int:
    """Choose one of so many numbers from 0 on, as ``source.randrange(limit)`` does in CPython.

    That takes several times as long, and need not do the same in another version.
    """
    bits = limit.bit_length()
    while (number := source.getrandbits(bits)) >= limit:
        pass
    return number


class Draws:
    """The cases that a seed draws of a function, by number: the same for all who ask.

    Parameters
    ----------
    cases : callable
        Draws one: `deconv_ref.conformance.truth.Operator.drawn`.
    function : str
        The function to call.
    dtypes : tuple of str
        Names to choose the dtype from.
    seed : int
        The same seed draws the same cases.
    plain : set of str
        Parameters that are to have their plain value.

    Attributes
    ----------
    plain : set of str
        As given.
    build : callable
        Makes a case of the choices of a `Draw`.
    """

    def __init__(
        self,
        cases: Callable[..., "Case"],
        function: str,
        dtypes: tuple[str, ...],
        seed: int,
        plain: frozenset[str] = frozenset(),
    ) -> None:
        self.plain = plain
        self._seed = f"{seed} {function}"
        self._ahead: dict[int, Case] = {}
        more = {"plain": plain} if plain else {}
        self.build = functools.partial(cases, function=function, dtypes=dtypes, **more)

    def case(self, number: int) -> "Case":
        """Draw a case."""
        return self._ahead.pop(number, None) or self.build(self._draw(number))

    def ahead(self, numbers: Iterable[int]) -> "Iterable[Case]":
        """Draw cases that are kept until they are asked for."""
        self._ahead = {number: self.build(self._draw(number)) for number in numbers}
        return self._ahead.values()

    def choices(self, number: int) -> list[int]:
        """Give the choices of which a case is made."""
        draw = self._draw(number)
        self.build(draw)
        return draw.made

    def _draw(self, number: int) -> Choices:
        return Choices(more=random.Random(f"{self._seed} {number}"), number=number)
