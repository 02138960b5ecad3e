"""PyTorch on a GPU: the same functions as on the CPU, on tensors that are copied there and back.

PyTorch's own settings hold: cuDNN may round the factors of a convolution to TF32, unless the
environment has ``NVIDIA_TF32_OVERRIDE=0``.
"""

import os

import torch

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what deterministic sums ask for
if not torch.cuda.is_available():
    raise RuntimeError(
        f"PyTorch {torch.__version__} finds no GPU: torch.cuda.is_available() is False"
    )
torch.set_default_device("cuda")

from deconv_ref.conformance.frameworks.torch import *  # noqa: E402, F403

NAME = "torch-cuda"
VERSION = f"{torch.__version__}, {torch.cuda.get_device_name()}"
