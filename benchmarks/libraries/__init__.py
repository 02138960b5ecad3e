"""How each library is asked for the same: one module a library, one function a subject.

A function takes a case and returns calls by mode. Arrays are made, copied and laid out as the
library likes them best before it is timed; what a call returns is ready when it returns.
"""
