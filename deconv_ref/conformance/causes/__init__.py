"""Guess at the cause of a fault: changed calls whose results are what a target gave.

A hypothesis is a call with something changed, evaluated by deconv_ref's own operators: a parameter
taken from another axis, an operand turned or read in another order, a result scaled. What explains
the counterexample and the other failing cases, in every element, is told. Most are generic; a few
know their operator.
"""

from deconv_ref.conformance.causes.guess import Seen, guess

__all__ = ["Seen", "guess"]
