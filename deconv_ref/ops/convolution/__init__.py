"""Convolution and transposed convolution.

Read `equations` first; `conv` and `conv_transpose` are the public functions, `cpu` the kernels
that they run.
"""
