"""What the tests of the checker draw: cases as it draws them, and a truth that is broken."""

import functools

from deconv_ref.conformance.draws import Draws
from deconv_ref.conformance.operators import OPERATORS
from deconv_ref.conformance.truth import LITERAL

DTYPES = ("float32", "float64")


@functools.cache
def drawn(function, count, seed=0, dtypes=DTYPES, plain=frozenset()):
    """Draw cases of a function as the checker does."""
    operator = OPERATORS[function.removesuffix("_backward")]
    draws = Draws(operator.drawn, function, dtypes, seed, plain)
    return tuple(map(draws.case, range(count)))


class Forgetful:
    """Literal kernels of which every gradient lacks its last element."""

    def __init__(self, chapter):
        self.kernels = LITERAL(chapter)

    def __getattr__(self, name):
        def kernel(*arguments):
            result = getattr(self.kernels, name)(*arguments)
            if name.endswith(("_backward", "gradient")):
                result[..., -1] = 0
            return result

        return kernel
