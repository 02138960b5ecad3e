"""``python -m tests.mutants``: plant mutants one by one and print what the checker says of each."""

import argparse
import json
import statistics
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from mutants.activations import ACTIVATIONS
from mutants.convolution import CONVOLUTION
from mutants.dense import DENSE
from mutants.fourier import FOURIER
from mutants.losses import LOSSES
from mutants.measuring import measure
from mutants.pooling import POOLING
from mutants.resampling import RESAMPLING
from mutants.similarity import SIMILARITY

FAMILIES = (
    *(CONVOLUTION, POOLING, RESAMPLING, DENSE),
    *(ACTIVATIONS, LOSSES, SIMILARITY, FOURIER),
)
FAULTS = [mutant for family in FAMILIES for mutant in family.faults]
VARIANTS = [mutant for family in FAMILIES for mutant in family.variants]
COLUMNS = "{:7} {:>5} {:>7} {:>8}  {}"


def main():
    options = arguments()
    judge = partial(measure, cases=options.cases, seed=options.seed, shrink=not options.unshrunk)
    print(COLUMNS.format("", "cases", "seconds", "elements", "mutant"))
    measured = []
    for one in results(judge, options.chosen, options.jobs):
        measured.append(one)
        print(line(one), flush=True)
    print(*summary(measured), sep="\n")
    if options.json:
        options.json.write_text(json.dumps([record(one) for one in measured], indent=1))
    return int(any(one.missed or one.accused for one in measured))


def arguments():
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="those with this in their name")
    parser.add_argument("--cases", type=int, default=200, help="cases for each (200)")
    parser.add_argument("--seed", type=int, default=0, help="of the cases (0)")
    parser.add_argument("--jobs", type=int, default=1, help="mutants judged at a time (1)")
    parser.add_argument("--unshrunk", action="store_true", help="leave counterexamples as drawn")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    options.chosen = [mutant for mutant in FAULTS + VARIANTS if options.only in str(mutant)]
    if not options.chosen:
        parser.error(f"--only must be in the name of a mutant, got {options.only!r}")
    return options


def results(judge, chosen, jobs):
    """Judge mutants, in their order."""
    if jobs == 1:
        yield from map(judge, chosen)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(judge, chosen)


def line(one):
    """Say in a line what was found of a mutant."""
    right = "found" if one.mutant.wrong else "right"
    word = "missed" if one.missed else "accused" if one.accused else right
    cases, elements = (value if value is not None else "" for value in (one.cases, one.elements))
    text = str(one.mutant).replace("-", " ")
    source = f"  ({one.mutant.source})" if one.mutant.source else ""
    return COLUMNS.format(word, cases, f"{one.seconds:.2f}", elements, text + source)


def summary(measured):
    """Add up: what was found, what was accused wrongly, how small, how fast."""
    faults = [one for one in measured if one.mutant.wrong]
    harmless = [one for one in measured if not one.mutant.wrong]
    found = [one for one in faults if not one.missed]
    accused = [one for one in measured if one.accused]
    yield f"found: {len(found)} of {len(faults)} faults"
    yield f"accused wrongly: {len(accused)}, of {len(harmless)} harmless variants"
    for one in measured:
        if one.missed or one.accused:
            yield f"  {one.mutant}: {one.verdicts} {one.reasons}"
    if found:
        for what, values in (
            ("cases until found", [one.cases for one in found]),
            ("seconds until found", [one.seconds for one in found]),
            ("elements of the counterexample", [one.elements for one in found]),
        ):
            most = sorted(values)[int(0.9 * (len(values) - 1))], max(values)
            middle = statistics.median(values)
            yield f"{what}: median {middle:.3g}, 90 % up to {most[0]:.3g}, all up to {most[1]:.3g}"


def record(one):
    """Write what was found of a mutant as JSON has it."""
    mutant = one.mutant
    return {
        "mutant": str(mutant),
        "function": mutant.function,
        "source": mutant.source,
        "wrong": mutant.wrong,
        "verdicts": one.verdicts,
        "reasons": one.reasons,
        "cases": one.cases,
        "seconds": one.seconds,
        "elements": one.elements,
    }
