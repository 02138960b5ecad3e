"""Resampling: nearest and linear upsampling, and pixel shuffling.

Read `equations` first, and `coordinates` for which cells an output reads; `upsample` and
`pixel_shuffle` have the public functions, `cpu` the kernels that they run.
"""
