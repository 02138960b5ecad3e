"""Objects that the arguments of their constructor rebuild: layers, losses, optimizers and so on."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, ClassVar, TypeVar

import numpy as np

from deconv_ref.checks import FINITE, in_range
from deconv_ref.errors import ParameterError, message

__all__ = ["Configured", "check_number", "choose", "rebuild"]

Kind = TypeVar("Kind", bound="Configured")


class Configured:
    """Base of dataclasses that `config` describes and `rebuild` makes again.

    Every subclass is known by its name: a model file names classes, and brings none. So a name
    belongs to the class that took it first; the same class may be defined again.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]  # a promise: subclasses are dataclasses
    classes: ClassVar[dict[str, type["Configured"]]] = {}

    def __init_subclass__(cls) -> None:
        other = Configured.classes.setdefault(cls.__name__, cls)
        if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
            wanted, got = "of no other class", f"that of {other.__module__}.{other.__qualname__}"
            remedy = "Model files know classes by their names: choose another one"
            raise ParameterError(message(cls.__qualname__, "the name", wanted, got, remedy))
        Configured.classes[cls.__name__] = cls

    def config(self) -> dict[str, Any]:
        """Describe the object by values that JSON can hold.

        Returns
        -------
        dict
            The name of its class under ``"class"``, and the arguments of its constructor.

        Examples
        --------
        >>> import deconv_ref.nn as nn
        >>> nn.Huber(delta=2.0).config()
        {'class': 'Huber', 'delta': 2.0}
        """
        values = {f.name: _described(getattr(self, f.name)) for f in fields(self) if f.init}
        return {"class": type(self).__name__, **values}


def rebuild(kind: type[Kind], config: Mapping[str, Any]) -> Kind:
    """Make an object again from what its `config` gave.

    Parameters
    ----------
    kind : type
        Class that it must be of.
    config : mapping
        Its description; those of the objects inside it are rebuilt too.

    Returns
    -------
    object
        An equal object.

    Raises
    ------
    ParameterError
        If the class is unknown or of another kind, or does not take these arguments.

    Examples
    --------
    >>> import deconv_ref.nn as nn
    >>> rebuild(nn.Loss, {"class": "Huber", "delta": 2.0})
    Huber(delta=2.0)
    """
    name = config.get("class")
    cls = Configured.classes.get(str(name))
    if cls is None or not issubclass(cls, kind):
        wanted = f"a {kind.__name__} that deconv_ref.nn knows"
        remedy = "Import the module that defines it first"
        raise ParameterError(message("rebuild", "class", wanted, name, remedy))
    values = {n: _rebuilt(value) for n, value in config.items() if n != "class"}
    try:
        return cls(**values)
    except TypeError as error:  # an argument too many or missing
        got = f"{sorted(values)} ({error})"
        raise ParameterError(message("rebuild", "config", f"arguments of {name}", got)) from None


def choose(kind: type[Kind], value: Any, function: str, parameter: str) -> Kind:
    """Take an object of a kind, or make the one that a name means, with its default arguments.

    Parameters
    ----------
    kind : type
        Class that it must be of.
    value : object
        An instance, or the name of a class; case and underscores do not matter.
    function, parameter : str
        What to name in errors.

    Returns
    -------
    object
        The instance.

    Raises
    ------
    ParameterError
        If it is neither.

    Examples
    --------
    >>> import deconv_ref.nn as nn
    >>> choose(nn.Initializer, "he_normal", "Conv", "weight_initializer")
    HeNormal()
    """
    if isinstance(value, kind):
        return value
    names = {_key(name): cls for name, cls in Configured.classes.items() if _is_choice(cls, kind)}
    if isinstance(value, str) and _key(value) in names:
        return names[_key(value)]()  # type: ignore[return-value]  # all are of the kind
    listed = ", ".join(sorted(cls.__name__ for cls in names.values()))
    wanted = f"a deconv_ref.nn.{kind.__name__} or the name of one ({listed})"
    raise ParameterError(message(function, parameter, wanted, repr(value)))


def check_number(
    owner: object,
    *parameters: str,
    low: float = -FINITE,
    high: float = FINITE,
    above: bool = False,
    below: bool = False,
) -> None:
    """Ask that attributes be finite numbers in a range, and make floats of them.

    What `config` gives is then what was computed with: NumPy's numbers would widen float32.

    Parameters
    ----------
    owner : object
        Whose they are; its class is named in errors.
    *parameters : str
        Names of the attributes.
    low, high : float
        The range.
    above, below : bool
        Whether `low` itself is too low, and `high` too high.

    Raises
    ------
    ParameterError
        If one is not.
    """
    function = type(owner).__name__
    for name in parameters:
        value = in_range(function, name, getattr(owner, name), low, high, above=above, below=below)
        object.__setattr__(owner, name, value)  # frozen ones too


def _is_choice(cls: type[Configured], kind: type[Configured]) -> bool:
    """Tell whether a class is a kind's, not its base, and needs no arguments."""
    needs = any(f.init and f.default is f.default_factory is MISSING for f in fields(cls))
    return cls is not kind and issubclass(cls, kind) and not needs


def _key(name: str) -> str:
    return name.replace("_", "").lower()


def _described(value: Any) -> Any:
    if isinstance(value, Configured):
        return value.config()
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_described(item) for item in value]
    return value


def _rebuilt(value: Any) -> Any:
    if isinstance(value, Mapping):
        return rebuild(Configured, value)
    if isinstance(value, list):
        return [_rebuilt(item) for item in value]
    return value
