"""The dense layer's map and its gradients.

Read `equations` first; `linear` has the public functions, `cpu` the kernels that they run.
"""
