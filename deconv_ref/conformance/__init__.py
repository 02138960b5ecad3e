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
trains networks in lockstep.
"""
