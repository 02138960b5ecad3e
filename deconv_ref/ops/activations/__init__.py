"""Activations and their gradients.

Read `equations` first. `rectifiers`, `sigmoids`, `units` and `normalized` hold the public
functions; `stable` has the formulas by which `cpu` computes the smooth ones to the last bits.
"""
