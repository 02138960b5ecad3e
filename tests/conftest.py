"""Settings for all tests."""

import hashlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "deconv_ref"

sys.path.insert(0, str(TESTS))  # tests import `oracles` by its plain name

# A shell's jobs in the background ignore Ctrl-C, and so does what they start: not here.
signal.signal(signal.SIGINT, signal.default_int_handler)


def _sources():
    """Digest the sources that Numba compiles."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.glob("**/*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


# Numba's cache knows the file of a kernel, not the files of the functions that the kernel calls: a
# test could pass on what was compiled before an edit. So each state of the sources has its own.
CACHES = PACKAGE / "__pycache__"
os.environ.setdefault("NUMBA_CACHE_DIR", str(CACHES / f"kernels-{_sources()}"))
for cache in CACHES.glob("kernels-*"):
    if time.time() - cache.stat().st_mtime > 3600:
        shutil.rmtree(cache, ignore_errors=True)

# The same cases on every run: a failure here is a fault in the package, never bad luck. The first
# example of a test may wait for a compiler, hence no deadline.
settings.register_profile(
    "house",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.differing_executors),
)
settings.load_profile("house")
