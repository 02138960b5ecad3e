"""Losses, penalties and their gradients.

Read `equations` first. `distances`, `binary`, `entropies` and `penalties` hold the public
functions; `reduction` makes a loss on arrays of a function of numbers, and `stable` has the
formulas by which `cpu` computes the smooth ones to the last bits.
"""
