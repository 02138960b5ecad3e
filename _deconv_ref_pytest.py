"""The options of ``pytest --deconv-ref``; deconv_ref itself is imported where they are given alone.

Pytest imports the plugins of all packages that are installed, in every run: so this one stands
outside deconv_ref, whose import would bring NumPy.
"""

__all__ = ["pytest_addoption", "pytest_configure"]


def pytest_addoption(parser):
    """Add the options."""
    group = parser.getgroup("deconv_ref", "judge kernels by the equations of deconv_ref")
    group.addoption(
        "--deconv-ref",
        action="append",
        metavar="TARGET",
        help="module, .py file or framework to judge, a test for each result; again for more",
    )
    group.addoption(
        "--deconv-ref-op",
        action="append",
        default=[],
        metavar="NAME",
        help="operator to judge, by its forward name; again for more; all by default",
    )
    group.addoption(
        "--deconv-ref-cases",
        type=int,
        default=200,
        metavar="N",
        help="cases for each operator and quantity; 200 by default",
    )
    group.addoption(
        "--deconv-ref-seed",
        type=int,
        default=0,
        metavar="N",
        help="the same seed draws the same cases; 0 by default",
    )
    group.addoption(
        "--deconv-ref-allow-inexact",
        action="store_true",
        help="let a lower precision than that of the dtype pass",
    )


def pytest_configure(config):
    """Load what is to be judged, if anything is."""
    config.addinivalue_line("markers", "deconv_ref: a result that deconv_ref judges")
    if config.getoption("deconv_ref"):
        from deconv_ref.conformance.plugin import Judging

        config.pluginmanager.register(Judging(config))
