"""The operators, a chapter per family: equations, kernels, and the public pair of functions."""
