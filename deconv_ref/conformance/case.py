"""One question to a target: an operator, its parameters, and arrays in some memory layout."""

from collections.abc import Callable, ItemsView, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconv_ref.conformance.floating import doubled, is_floating

__all__ = ["LAYOUTS", "SMALL", "Case", "Filled", "Operand"]

LAYOUTS = ("contiguous", "read-only", "fortran", "reversed", "sliced")
SMALL = 8  # largest integer of the narrow exact cases
JUNK = 12345.0  # fills the gaps of a sliced buffer: whoever reads them is found out


@dataclass(frozen=True, slots=True)
class Operand:
    """An array and the memory layout in which the target is to receive it.

    Views lose their strides on the way to another process, so values and layout travel apart and
    `array` puts them together on arrival.
    """

    values: NDArray[Any]
    layout: str = "contiguous"

    def __reduce__(self) -> Any:
        """Travel as what makes it: a dataclass would ask for its fields first."""
        return Operand, (self.values, self.layout)

    def array(self) -> NDArray[Any]:
        """Build the array in its layout.

        Examples
        --------
        >>> Operand(np.array([1.0, 2.0]), "sliced").array().strides
        (16,)
        """
        values = np.array(self.values, order="C")  # a copy: the target may write to it
        if self.layout == "fortran":
            return np.asfortranarray(values)
        if self.layout == "reversed":
            return np.ascontiguousarray(np.flip(values))[(slice(None, None, -1),) * values.ndim]
        if self.layout == "sliced":
            buffer = np.full((*values.shape[:-1], 2 * values.shape[-1] + 1), JUNK, values.dtype)
            buffer[..., 1::2] = values
            return buffer[..., 1::2]
        array = values.copy()
        array.flags.writeable = self.layout != "read-only"
        return array


class Filled(Mapping[str, Operand]):
    """Operands that get their values when one is first asked for: of a call declined, never.

    Parameters
    ----------
    dtype : dtype
        Which the floating ones share.
    fill : callable
        Makes all operands by name.

    Examples
    --------
    >>> Filled(np.dtype(float), lambda: {"x": Operand(np.array([1.0]))})["x"].values
    array([1.])
    """

    def __init__(self, dtype: np.dtype[Any], fill: Callable[[], dict[str, Operand]]) -> None:
        self.dtype = dtype
        self._fill = fill
        self._filled: dict[str, Operand] | None = None

    @property
    def _operands(self) -> dict[str, Operand]:
        if self._filled is None:
            self._filled = self._fill()
            del self._fill  # and all that it holds
        return self._filled

    def __getitem__(self, name: str) -> Operand:
        """Give an operand."""
        return self._operands[name]

    def __iter__(self) -> Iterator[str]:
        """Go through the names."""
        return iter(self._operands)

    def __len__(self) -> int:
        """Count the operands."""
        return len(self._operands)

    def items(self) -> ItemsView[str, Operand]:
        """Go through names and operands, as fast as through a dict's."""
        return self._operands.items()

    def __reduce__(self) -> Any:
        """Travel as a dict."""
        return dict, (self._operands,)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A call of one function of an operator.

    Attributes
    ----------
    function : str
        The function to call: the operator's forward name, or that with ``_backward``.
    parameters : dict
        Keyword parameters, as the contract says they are passed.
    operands : dict of Operand
        Array arguments by name.
    exact : bool
        Whether the result has one right value, to the bit, whatever the order of summation: every
        product and sum in the call is a number that the dtype holds exactly, or there are none.
    """

    function: str
    parameters: Mapping[str, Any]
    operands: Mapping[str, Operand]
    exact: bool

    @property
    def op(self) -> str:
        """Forward name of the operator."""
        return self.function.removesuffix("_backward")

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype that all floating operands share."""
        if isinstance(self.operands, Filled):  # perhaps not yet
            return self.operands.dtype
        dtypes = (operand.values.dtype for _, operand in self.operands.items())
        return next(dtype for dtype in dtypes if is_floating(dtype))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Operands by name, contiguous."""
        return {name: operand.values for name, operand in self.operands.items()}

    @property
    def wide(self) -> bool:
        """Whether an operand has integers of the dtype's whole precision, not of a few bits."""
        floats = [doubled(a) for a in self.arrays().values() if is_floating(a.dtype)]
        floats = [a[np.isfinite(a)] for a in floats]
        return any(np.any(np.abs(a) > SMALL) and np.all(a == np.round(a)) for a in floats)

    @property
    def empty(self) -> bool:
        """Whether there is nothing in an operand: an empty batch."""
        return any(array.size == 0 for array in self.arrays().values())

    def with_operand(self, name: str, **changes: Any) -> "Case":
        """Replace the values or the layout of one operand."""
        changed = replace(self.operands[name], **changes)
        return replace(self, operands={**self.operands, name: changed})

    def __reduce__(self) -> Any:
        """Travel as an `Operand` does."""
        return Case, (self.function, self.parameters, self.operands, self.exact)

    def key(self) -> tuple[Any, ...]:
        """Tell cases apart: equal for two cases that ask the same."""
        operands = tuple(
            (name, o.layout, o.values.shape, o.values.dtype, o.values.tobytes())
            for name, o in self.operands.items()
        )
        return (self.function, tuple(self.parameters.items()), operands)

    def __eq__(self, other: object) -> bool:
        """Compare what two cases ask, and whether there is one right answer."""
        if not isinstance(other, Case):
            return False
        return self.exact == other.exact and self.key() == other.key()

    def __hash__(self) -> int:
        """Hash what a case asks."""
        return hash(self.key())

    def size(self) -> tuple[float, ...]:
        """Measure how much there is to read: of two counterexamples the smaller is kept."""
        arrays = [doubled(o.values) for o in self.operands.values()]
        return (
            any(a.size == 0 for a in arrays),  # nothing to see
            sum(a.size for a in arrays) + sum(map(_burden, self.parameters.values())),
            sum(o.layout != "contiguous" for o in self.operands.values()),
            sum(int(np.count_nonzero(a)) for a in arrays),
            sum(int(np.count_nonzero(~np.isfinite(a))) for a in arrays),
            float(sum(np.abs(a[np.isfinite(a)], dtype=np.float64).sum() for a in arrays)),
            sum(int(np.count_nonzero(a < 0)) for a in arrays),
        )


def _burden(value: Any) -> float:
    if value is None:
        return 0.0
    if isinstance(value, tuple):
        return sum(map(_burden, value))
    return 1.5 if isinstance(value, str) else abs(float(value))
