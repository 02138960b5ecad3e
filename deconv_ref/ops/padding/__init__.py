"""Padding: zeros or a constant, reflected, replicated or circular.

Read `equations` first; `pad` has the public functions, `cpu` the kernels that they run.
"""
