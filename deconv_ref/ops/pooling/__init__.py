"""Maximum and average pooling, and the unpoolings that go back through them.

Read `equations` first; `max`, `average` and `unpooling` hold the public functions, `cpu` the
kernels that they run.
"""
