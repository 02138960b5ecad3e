"""Batch normalization and dropout.

Read `equations` first; `batch_norm` and `dropout` hold the public functions, `cpu` the kernels that
they run.
"""
