"""The checker: whether a framework, or your own kernel, computes what the equations say.

`strategies` draws cases, `worker` runs a target on them in a process of its own, `truth` says what
is right and `bounds` how far rounding may stray, `judge` compares and shrinks, `runner` goes
through targets and operators, `report` tells what came out.
"""
