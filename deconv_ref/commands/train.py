"""The command ``deconv-ref train``."""

import sys
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deconv_ref.commands.usage import UsageError, check_writable, one_line_errors
from deconv_ref.parameters import LARGEST

if TYPE_CHECKING:
    from deconv_ref import nn
    from deconv_ref.imaging.tasks import Task

__all__ = ["train"]

CHECKPOINT_EVERY = 50  # batches: some seconds
EXTRA = 'python -m pip install "deconv-ref[plot]"'


class System(StrEnum):
    """The systems to train."""

    A = "A"
    C = "C"
    D1 = "D1"
    D2 = "D2"
    E = "E"


@dataclass(frozen=True)
class Files:
    """The files of a training.

    Attributes
    ----------
    model : path
        The trained model; the others stand beside it.
    """

    model: Path

    @property
    def checkpoint(self) -> Path:
        """Where an unfinished training is kept."""
        return self._beside(".checkpoint.safetensors")

    @property
    def losses(self) -> Path:
        """The picture of the loss."""
        return self._beside("-loss.png")

    @property
    def panels(self) -> Path:
        """The picture of what the model does."""
        return self._beside("-before-after.png")

    def _beside(self, ending: str) -> Path:
        return self.model.with_name(self.model.name.removesuffix(".safetensors") + ending)


def train(
    system: Annotated[
        System,
        typer.Argument(
            case_sensitive=False,
            help="A: through 64 features and back. C: repair. D1: classify. D2: reconstruct. "
            "E: enlarge twice.",
        ),
    ],
    images: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Images; for D1 and D2 idx files, as of MNIST."),
    ],
    validate: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Others, to measure on. Default for D1 and D2: the t10k files in --images.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The model. Default: SYSTEM.safetensors.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, max=LARGEST, help="Passes over the samples.")
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=LARGEST,
            help="Patches to cut from the images; of idx files, the first ones.",
        ),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, max=LARGEST, help="Samples per update.")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(min=0, max=1, help="At the start; it falls evenly to 0.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bits.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the results alone.")] = False,
) -> None:
    """Train a system of the documents on your images.

    A checkpoint is kept beside the model while training runs. After Ctrl-C, or worse, the same
    command goes on from there, and ends with the bits of a training that was left alone. A second
    Ctrl-C ends it at once.
    """
    from deconv_ref.imaging.tasks import TASKS

    task = TASKS[system.value]
    files = Files(out or Path(f"{task.system.lower()}.safetensors"))
    chosen = {
        "epochs": epochs or task.epochs,
        "samples": samples or task.samples,
        "batch_size": batch_size or task.batch_size,
        "learning_rate": task.learning_rate if learning_rate is None else learning_rate,
        "seed": seed,
    }
    _check_files(files, (images, validate) if task.all_images else ())
    with one_line_errors():
        if validate is None and task.held_out_in(images):
            validate = images
        model = _fit(task, chosen, images, validate, files, quiet)
        model.save(files.model)
        files.checkpoint.unlink(missing_ok=True)
        print(f"{files.model}: system {task.system}, {chosen['epochs']} epochs")
        if validate is not None:
            found = task.measure({"untrained": task.build(seed=seed), "trained": model}, validate)
            ratios = ", ".join(f"{name} {value:.2f} {task.unit}" for name, value in found.items())
            print(f"{task.measured} on {validate}: {ratios}")
        _draw(task, model, validate or images, files)


def _check_files(files: Files, folders: tuple[Path | None, ...]) -> None:
    """Ask that nothing be in the way that is not ours, and that no picture become a sample."""
    from deconv_ref.commands.models import load
    from deconv_ref.errors import ParameterError

    check_writable(files.model)
    for folder in folders:
        if folder is not None and folder.exists() and folder.samefile(files.model.parent):
            text = f"{files.model} would have its pictures among the images of {folder}"
            raise UsageError(f"{text}: choose an --out in another folder")
    remedy = "remove it, or choose another --out"
    for path in (files.model, files.checkpoint):
        if path.exists():
            try:
                load(path)
            except (UsageError, ParameterError) as error:
                reason = " ".join(str(error).split())
                text = f"{path} is in the way, no model of `deconv-ref train`: {remedy} ({reason})"
                raise UsageError(text) from None
    for path in (files.losses, files.panels):
        if path.exists() and not files.model.exists():
            raise UsageError(f"{path} is in the way, a picture without its model: {remedy}")


def _fit(
    task: "Task",
    chosen: dict[str, Any],
    images: Path,
    validate: Path | None,
    files: Files,
    quiet: bool,
) -> "nn.Sequential":
    """Train from the start, or from where the checkpoint stands."""
    from deconv_ref import nn
    from deconv_ref.commands import bars, interrupts
    from deconv_ref.imaging.tasks import Batches
    from deconv_ref.nn import saving
    from deconv_ref.nn.training import Run, compiled

    training = task.read(images, chosen["samples"], chosen["seed"])
    held_out = task.read_held_out(validate) if validate is not None else ()
    plan = {**chosen, "images": _digest(training), "validate": _digest(held_out)}
    model = _begun(task, plan, files.checkpoint)
    batches = Batches(training, task.pair, chosen["batch_size"], chosen["seed"], model.epochs)
    aside = Batches(held_out, task.pair, chosen["batch_size"], 0, None) if held_out else None
    rate, (optimizer, _) = chosen["learning_rate"], compiled(model)
    run = model.run = model.run or Run({"batches": len(batches)})  # which fit moves on

    with bars.training(quiet) as show, interrupts.put_off() as interrupted:

        def progress(now: nn.Progress) -> None:
            done = now.epoch - 1 + now.batch / len(batches)
            optimizer.learning_rate = rate * (1 - done / now.epochs)
            show(now)
            _check_sound(model, now, files.checkpoint)
            if interrupted() and not now.complete:  # of a whole epoch fit makes a checkpoint next
                saving.write(model, files.checkpoint, run)
                raise KeyboardInterrupt

        try:
            model.notes["history"] = model.fit(
                batches,
                epochs=chosen["epochs"],
                validation_data=aside,
                progress=progress,
                checkpoint=files.checkpoint,
                checkpoint_every=CHECKPOINT_EVERY,
            )
            if interrupted():
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            kept = f"{files.checkpoint} is kept: the same command goes on from there"
            early = "no checkpoint as yet: the same command begins anew"
            told = kept if files.checkpoint.exists() else early
            print(f"deconv-ref: {told}", file=sys.stderr)
            raise
    optimizer.learning_rate = rate
    return model


def _check_sound(model: "nn.Sequential", now: "nn.Progress", checkpoint: Path) -> None:
    """End a training that has diverged, before a checkpoint is made of it."""
    import numpy as np

    losses = [value for name, value in now.values.items() if name.endswith("loss")]
    sound = all(map(isfinite, losses))
    if sound and (now.complete or now.batch % CHECKPOINT_EVERY == 0):
        sound = all(np.isfinite(array).all() for array in model.parameters.values())
    if not sound:
        remedy = "give a smaller --learning-rate"
        if checkpoint.exists():
            remedy += f" with another --out, or remove {checkpoint}"
        raise UsageError(f"training diverged in epoch {now.epoch}: {remedy}")


def _begun(task: "Task", plan: dict[str, Any], checkpoint: Path) -> "nn.Sequential":
    """Give the network that the checkpoint holds, or else a new one."""
    from deconv_ref.nn import Sequential
    from deconv_ref.nn.training import compiled

    if not checkpoint.exists():
        model = task.build(seed=plan["seed"])
        compiled(model)[0].learning_rate = plan["learning_rate"]
        model.notes = {"system": task.system, "plan": plan}
        return model
    model = Sequential.load(checkpoint)
    begun = model.notes.get("plan")
    if model.run is None or not isinstance(begun, dict):
        text = f"{checkpoint} is in the way, no unfinished training of `deconv-ref train`"
        raise UsageError(f"{text}: remove or rename it")
    differ = [] if model.notes["system"] == task.system else ["system"]
    differ += [name.replace("_", " ") for name in plan if begun.get(name) != plan[name]]
    if differ:
        text = f"{checkpoint} is of a training with another {', '.join(differ)}"
        raise UsageError(f"{text}: give that command again, or remove the file")
    return model


def _draw(task: "Task", model: "nn.Sequential", folder: Path, files: Files) -> None:
    """Draw the pictures, or tell what is missing for that."""
    from deconv_ref.commands import pictures

    if not pictures.installed():
        print(f"no pictures without Matplotlib: {EXTRA}")
        return
    pictures.draw_losses(files.losses, model.notes["history"])
    pictures.draw_panels(files.panels, task.panels(model, folder))
    print(f"{files.losses}, {files.panels}")


def _digest(arrays: tuple[Any, ...]) -> str:
    digest = sha256()
    for array in arrays:
        digest.update(array)
    return digest.hexdigest()
