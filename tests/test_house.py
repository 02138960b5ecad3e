"""The plan of the house: imports go down only, files stay small, operators come in pairs."""

import ast
import inspect
from pathlib import Path

import pytest

import deconv_ref as dr

PACKAGE = Path(dr.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
KERNELS = ("cpu", "cuda", "literal")

# Each name under deconv_ref stands on the floors below its own; those of one floor stand side by
# side. "__init__" is the public API: it shows the operators, and what is above may use it.
FLOORS = (
    ("errors", "real", "sums", "version", "writing"),
    ("cuda", "emitter", "exponential", "helpers", "parameters"),
    ("window",),
    ("arrays", "backend", "checks", "compiling", "lines", "memory", "threads"),
    ("elementwise",),
    ("logits",),
    ("ops",),
    ("__init__",),
    ("nn",),
    ("documents",),
    ("imaging", "conformance"),
    ("commands",),
    ("cli",),
    ("__main__",),
)
FLOOR_OF = {name: number for number, floor in enumerate(FLOORS) for name in floor}


def home(module):
    """Name the top-level file or folder that a module lives in."""
    return module.partition(".")[0]


def imports(path):
    """List the modules of deconv_ref that a file imports, here or inside its functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports relatively"
            names = [
                inner if _is_module(inner := f"{node.module}.{alias.name}") else node.module
                for alias in node.names
            ]
        else:
            continue
        ours = (name for name in names if home(name) == "deconv_ref")
        found |= {name.partition(".")[2] or "__init__" for name in ours}
    return found


def _is_module(name):
    return name.partition(".")[2] in MODULES


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down_only(module):
    own = home(module)
    assert own in FLOOR_OF, f"{own} stands on no floor yet: give it one in FLOORS"
    for name in imports(MODULES[module]):
        other = home(name)
        assert other == own or FLOOR_OF[other] < FLOOR_OF[own], f"{module} imports {name}"


@pytest.mark.parametrize("module", MODULES)
def test_chapters_of_operators_stand_side_by_side(module):
    if home(module) == "ops":
        chapter = module.split(".")[:2]
        for name in imports(MODULES[module]):
            assert home(name) != "ops" or name.split(".")[:2] == chapter, f"{module}: {name}"


@pytest.mark.parametrize("module", MODULES)
def test_kernels_are_reached_through_the_backend_alone(module):
    if home(module) == "ops" and module.rpartition(".")[2] not in KERNELS:
        reached = {name for name in imports(MODULES[module]) if home(name) == "ops"}
        assert not [name for name in reached if name.endswith(KERNELS)]


@pytest.mark.parametrize("module", MODULES)
def test_sums_keep_their_order(module):
    text = MODULES[module].read_text(encoding="utf-8")
    for word in ("fastmath", "reassoc", '"fast"', "'fast'"):
        assert word not in text


@pytest.mark.parametrize("module", MODULES)
def test_user_input_never_meets_an_assert(module):
    if home(module) != "conformance":  # whose asserts are for its own mistakes
        tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
        assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]


@pytest.mark.parametrize("module", MODULES)
def test_files_stay_readable(module):
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= 500


def test_the_public_names_are_sorted_and_there():
    assert dr.__all__ == sorted(dr.__all__)
    assert len(set(dr.__all__)) == len(dr.__all__)
    assert all(hasattr(dr, name) for name in dr.__all__)


@pytest.mark.parametrize("name", [name for name in dr.__all__ if not name.startswith("__")])
def test_public_names_are_documented_and_come_from_the_package(name):
    public = getattr(dr, name)
    assert inspect.getdoc(public)
    assert public.__module__.startswith("deconv_ref.")
    assert public.__name__ == name


# Operators that have no gradient of their own name: the pixel shuffles are each the other's, that
# of `ssim` is `ssim_loss`'s, and the contract asks for none in the frequency domain.
WITHOUT_BACKWARD = {"pixel_shuffle", "pixel_unshuffle", "ssim"}
WITHOUT_BACKWARD |= {"fft_convolve", "inverse_filter", "wiener", "richardson_lucy"}


def differentiated():
    functions = {name for name in dr.__all__ if inspect.isfunction(getattr(dr, name))}
    return sorted(n for n in functions - WITHOUT_BACKWARD if not n.endswith("_backward"))


@pytest.mark.parametrize("name", differentiated())
def test_every_operator_has_its_gradient(name):
    forward = inspect.signature(getattr(dr, name)).parameters
    backward = list(inspect.signature(getattr(dr, f"{name}_backward")).parameters)
    assert backward[0] == "grad_y" or backward[0] == next(iter(forward))  # a loss is a scalar
