"""The exceptions that deconv_ref raises, and the one form of their messages."""

__all__ = ["BackendError", "DTypeError", "DeconvRefError", "ParameterError", "ShapeError"]


class DeconvRefError(Exception):
    """Base of every error that deconv_ref raises on purpose."""


class ParameterError(DeconvRefError, ValueError):
    """A parameter has a value that the operator cannot take."""


class ShapeError(ParameterError):
    """Array sizes do not fit each other or leave nothing to compute."""


class DTypeError(DeconvRefError, TypeError):
    """An argument is no array of the dtype that the operator computes in."""


class BackendError(DeconvRefError, RuntimeError):
    """The device that holds an array cannot run the operator."""


def message(function: str, parameter: str, wanted: str, got: object, remedy: str = "") -> str:
    """Write the text of an error: who complains, about what, what to do.

    Parameters
    ----------
    function, parameter : str
        The public function that was called and the parameter at fault.
    wanted : str
        What the parameter must be; completes "must be ...".
    got : object
        What was passed; strings are taken as they are, the rest by ``repr``.
    remedy : str, optional
        What to do about it, as a sentence without its full stop.

    Returns
    -------
    str
        The message.

    Examples
    --------
    >>> message("conv", "stride", "an int of at least 1", 0)
    'conv: stride must be an int of at least 1, got 0.'
    """
    shown = got if isinstance(got, str) else repr(got)
    text = f"{function}: {parameter} must be {wanted}, got {shown}."
    return f"{text} {remedy}." if remedy else text
