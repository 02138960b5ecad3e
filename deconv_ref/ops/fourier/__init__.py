"""The frequency domain: convolution by the product of spectra, and true deconvolution.

Read `equations` first; `fft_convolve` and `deconvolve` hold the public functions, `cpu` the kernels
that they run.
"""
