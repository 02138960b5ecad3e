"""Settings for the tests of CUDA, which the suite leaves out: they are run by their path.

With ``NUMBA_ENABLE_CUDASIM=1`` kernels run in Numba's simulator, as test_simulated*.py has them;
without, they are compiled alone, by test_compiled*.py.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # tests import `compiling` by its plain name

# Numba looks for NVVM and its library of functions in CUDA_HOME alone.
TOOLKITS = [Path("/usr/local/cuda"), *sorted(Path("/usr/local").glob("cuda-*"), reverse=True)]
if "CUDA_HOME" not in os.environ:
    for toolkit in TOOLKITS:
        if (toolkit / "nvvm/libdevice").is_dir():
            os.environ["CUDA_HOME"] = str(toolkit)
            break

simulated = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"
collect_ignore_glob = ["test_compiled*.py" if simulated else "test_simulated*.py"]
