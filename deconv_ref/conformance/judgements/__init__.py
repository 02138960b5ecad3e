"""What is thought of the findings in docs/findings.md.

A judgement is of a release: it says what that release's documentation says. When a finding is gone,
its judgement goes too, and what has none is printed as not yet judged.
"""

import re
from typing import Any

from deconv_ref.conformance.judgements import (
    jax,
    mlx,
    onnx,
    openvino,
    paddlepaddle,
    skimage,
    tensorflow,
    tinygrad,
    torch,
)
from deconv_ref.conformance.judgements.judgement import Judgement, Kind

__all__ = ["JUDGEMENTS", "Judgement", "Kind", "judgement_of"]

JUDGEMENTS = tuple(
    judgement
    for framework in (jax, mlx, onnx, openvino, paddlepaddle, skimage, tensorflow, tinygrad, torch)
    for judgement in framework.JUDGEMENTS
)
"""Judgements, of which the first that fits counts."""


def judgement_of(record: dict[str, Any]) -> Judgement | None:
    """Find what is thought of a result.

    Parameters
    ----------
    record : dict
        A result with its counterexample, from a report.

    Returns
    -------
    Judgement or None
        The first judgement that fits; None if there is none.
    """
    shown = record["counterexample"]["text"]
    told = f"{record['op']} {record['quantity']}: {record['reason']}\n{shown}"
    for judgement in JUDGEMENTS:
        if record["target"] in judgement.targets.split() and re.search(judgement.shows, told):
            return judgement
    return None
