"""Settings of a whole process, which a call must leave as they are for all that runs after it."""

import ctypes
import gc
import locale
import os
import random
import signal
import sys
import warnings
from _signal import getsignal  # type: ignore[import-not-found]  # the public one makes enums
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["SETTINGS", "Setting", "Settings"]

SIGNALS = sorted(number for number in signal.valid_signals() if number < 32)  # those with names
MERSENNE_TWISTER = 4 * (624 + 1)  # bytes of NumPy's: words, and the place of the next one
DEFAULT_ENVIRONMENT = ctypes.c_void_p(-1)  # FE_DFL_ENV of Linux' C libraries


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting, how to read it and how to put it back.

    Attributes
    ----------
    name : str
        What the report calls it.
    get : callable
        Gives a value that can be compared.
    put : callable
        Sets such a value.
    module : str
        A setting of this module's, which counts once the module is imported; `get`, `put` and
        `glance` are called with the module before anything else.
    glance : callable or None
        Gives, when the value is known, what is faster to read and changes whenever the value does.
    """

    name: str
    get: Callable[[Any], Any]
    put: Callable[[Any, Any], object]
    module: str = "sys"
    glance: Callable[[Any, Any], Any] | None = None

    def look(self, value: Any) -> Any:
        """Give what tells whether the value is still this one."""
        if self.glance is None or value is None:
            return self.read()
        try:
            return self.glance(sys.modules.get(self.module), value)
        except Exception:  # as of a module that is gone
            return None

    def read(self) -> Any:
        """Give the value; None if there is none."""
        module = sys.modules.get(self.module)
        try:
            return self.get(module) if module is not None else None
        except Exception:  # a module of that name may be anything
            return None

    def restore(self, value: Any) -> None:
        """Put a value back, if it can be."""
        with suppress(Exception):
            self.put(sys.modules[self.module], value)


class Settings:
    """The settings of this process as they are now."""

    def __init__(self) -> None:
        self._modules = len(sys.modules)
        self._values = [setting.read() for setting in SETTINGS]
        values = zip(SETTINGS, self._values, strict=True)
        self._looks = [setting.look(value) for setting, value in values]

    def put_back(self) -> tuple[str, ...]:
        """Put back what was changed since they were read.

        Returns
        -------
        tuple of str
            The names of what was changed; none if a module was imported since, to which that may
            be due: it happens once, and so not in the calls to come.
        """
        imported = len(sys.modules) > self._modules
        changed = []
        for setting, value, look in zip(SETTINGS, self._values, self._looks, strict=True):
            if setting.look(value) != look:
                changed.append(setting.name)
                if value is not None:
                    setting.restore(value)
        if changed or imported:
            Settings.__init__(self)  # what cannot be put back is told once
        return () if imported else tuple(changed)


def _random_state(numpy: Any) -> tuple[Any, ...]:
    name, keys, *rest = numpy.random.get_state()
    return (name, keys.tobytes(), *rest)


def _set_random_state(numpy: Any, state: tuple[Any, ...]) -> None:
    name, keys, *rest = state
    numpy.random.set_state((name, np.frombuffer(keys, np.uint32), *rest))


def _random_memory(numpy: Any, state: tuple[Any, ...]) -> Any:
    """Show NumPy's own generator as it lies in memory, which it takes long to make a state of.

    A normal number that is kept for later lies elsewhere: where there is one, the state is read.
    """
    generator = numpy.random.get_bit_generator()
    if state[3] or not isinstance(generator, numpy.random.MT19937):
        return _random_state(numpy)
    return ctypes.string_at(generator.ctypes.state_address, MERSENNE_TWISTER)


def _environment() -> dict[Any, Any]:
    """Copy what `os.environ` keeps, as it is encoded: decoding it takes a hundred times as long."""
    return dict(getattr(os.environ, "_data", os.environ))


def _set_environment(environment: dict[Any, Any]) -> None:
    decoded = {os.fsdecode(name): os.fsdecode(value) for name, value in environment.items()}
    os.environ.clear()
    os.environ.update(decoded)


def _handlers() -> dict[int, Any]:
    return {number: getsignal(number) for number in SIGNALS}


def _set_handlers(handlers: dict[int, Any]) -> None:
    for number, handler in handlers.items():
        if handler is not None and handler is not getsignal(number):
            signal.signal(number, handler)


def _set_filters(filters: tuple[Any, ...]) -> None:
    with warnings.catch_warnings():  # leaving this, it learns that there are others
        pass
    warnings.filters[:] = filters  # type: ignore[index]


def _arithmetic() -> tuple[float, ...]:
    """Show how numbers are rounded, and whether small ones are flushed to zero."""
    least, half, one = sys.float_info.min, 0.5, 1.0
    tie = sys.float_info.epsilon * half
    return (one + tie, -one - tie, one + tie * 1.5, least * half)


def _reset_arithmetic() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).fesetenv(DEFAULT_ENVIRONMENT)


def _set_torch_state(torch: Any, state: bytes) -> None:
    torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))


SETTINGS = (
    Setting("the rounding of arithmetic", lambda _: _arithmetic(), lambda *_: _reset_arithmetic()),
    Setting("numpy.seterr", lambda np: np.geterr(), lambda np, v: np.seterr(**v), "numpy"),
    Setting(
        "numpy.set_printoptions",
        lambda np: np.get_printoptions(),
        lambda np, v: np.set_printoptions(**v),
        "numpy",
    ),
    Setting("numpy.random", _random_state, _set_random_state, "numpy", _random_memory),
    Setting("random", lambda _: random.getstate(), lambda _, v: random.setstate(v)),
    Setting("os.environ", lambda _: _environment(), lambda _, v: _set_environment(v)),
    Setting("the working directory", lambda _: os.getcwd(), lambda _, v: os.chdir(v)),  # noqa: PTH109
    Setting("signal handlers", lambda _: _handlers(), lambda _, v: _set_handlers(v)),
    Setting(
        "an alarm",
        lambda _: any(signal.getitimer(signal.ITIMER_REAL)),
        lambda *_: signal.setitimer(signal.ITIMER_REAL, 0),
    ),
    Setting("warnings.filters", lambda _: tuple(warnings.filters), lambda _, v: _set_filters(v)),
    *(
        Setting(
            f"sys.{name}",
            lambda sys, name=name: getattr(sys, name),  # type: ignore[misc]
            lambda sys, value, name=name: setattr(sys, name, value),  # type: ignore[misc]
        )
        for name in ("stdin", "stdout", "stderr")
    ),
    Setting(
        "sys.setrecursionlimit",
        lambda sys: sys.getrecursionlimit(),
        lambda sys, v: sys.setrecursionlimit(v),
    ),
    Setting(
        "the locale",
        lambda _: locale.setlocale(locale.LC_ALL),
        lambda _, v: locale.setlocale(locale.LC_ALL, v),
    ),
    Setting("gc", lambda _: gc.isenabled(), lambda _, v: gc.enable() if v else gc.disable()),
    Setting(
        "torch.set_default_dtype",
        lambda torch: torch.get_default_dtype(),
        lambda torch, v: torch.set_default_dtype(v),
        "torch",
    ),
    Setting(
        "torch.set_num_threads",
        lambda torch: torch.get_num_threads(),
        lambda torch, v: torch.set_num_threads(v),
        "torch",
    ),
    Setting(
        "torch.set_grad_enabled",
        lambda torch: torch.is_grad_enabled(),
        lambda torch, v: torch.set_grad_enabled(v),
        "torch",
    ),
    Setting(
        "torch's random state",
        lambda torch: torch.get_rng_state().numpy().tobytes(),
        _set_torch_state,
        "torch",
    ),
    Setting(
        "jax_enable_x64",
        lambda jax: jax.config.jax_enable_x64,
        lambda jax, v: jax.config.update("jax_enable_x64", v),
        "jax",
    ),
    Setting(
        "keras.config.set_floatx",
        lambda keras: keras.config.floatx(),
        lambda keras, v: keras.config.set_floatx(v),
        "keras",
    ),
    Setting(
        "numba.set_num_threads",
        lambda numba: numba.get_num_threads(),
        lambda numba, v: numba.set_num_threads(v),
        "numba",
    ),
)
"""What is looked at after every call."""
