"""How fast convolution is, side by side with PyTorch: ``python -m benchmarks``."""
