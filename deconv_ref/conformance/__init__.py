"""The checker: whether a framework, or your own kernel, computes what the equations say.

`strategies` and `search` draw cases, `worker` runs a target on them in a process of its own,
`truth` says what is right and `bounds` how far rounding may stray, `judge` compares, `runner` goes
through targets and operators, `report`, `page` and `script` tell what came out.
"""
