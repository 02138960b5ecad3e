"""Our equations in exact rational arithmetic: see `deconv_ref.conformance.exact`.

A few run in float64: transforms and a square root are no rational functions, and the fractions of
richardson_lucy grow with every step beyond all measure.
"""

import functools
import inspect

import deconv_ref
from deconv_ref import backend
from deconv_ref.conformance.exact import Exact

NAME = "equations"
VERSION = deconv_ref.__version__

IN_FLOAT64 = ("batch_norm", "inverse_filter", "wiener", "richardson_lucy")


def _exactly(function):
    tier = backend.tier("literal") if function.__name__ in IN_FLOAT64 else Exact

    @functools.wraps(function)
    def exactly(*arguments, **parameters):
        with backend.using(tier):
            return function(*arguments, **parameters)

    return exactly


for _name, _function in inspect.getmembers(deconv_ref, inspect.isfunction):
    globals()[_name] = _exactly(_function)
