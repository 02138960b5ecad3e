"""The checker: whether a framework, or your own kernel, computes what the equations say.

Each file of `operators` says of a chapter what is drawn (from what `strategies` has), how far
rounding may stray (`margins`, by `bounds`), and which `identities` our own truth is held to.
`draws` makes the choices of which cases are made, `search` looks for simpler ones, `worker` and
`serve` run a target on them in a `process` of its own, whose `settings` are put back after each,
`truth` says what is right, where need be in rational arithmetic (`exact`), `compare` compares,
`judge` and `tally` come to verdicts, `runner` goes through targets and operators. `report`, `page`
and `script` tell what came out; `journal` keeps the report while a run is under way.

`frameworks` has the adapters, which `sources` and `conventions` turn into a page of the
documentation; `findings` makes another of reports, with what `judgements` say of them. `network`
trains networks in lockstep. `testing` has what other people's tests call, `assert_conforms` and
`cases`, which run targets `here`; `plugin` is what pytest collects.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deconv_ref.conformance.testing import assert_conforms, cases

__all__ = ["assert_conforms", "cases"]


def __getattr__(name: str) -> Any:
    """Import what is for tests when it is asked for: processes of targets need none of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from deconv_ref.conformance import testing

    return getattr(testing, name)
