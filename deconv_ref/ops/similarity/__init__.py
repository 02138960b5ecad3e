"""Structural similarity, as a measure and as a loss.

Read `equations` first; `ssim` holds the public functions, `cpu` the kernels that they run.
"""
