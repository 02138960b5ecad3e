"""The commands on real images: train a system, apply it, compare two images."""

import typer

from deconv_ref.commands.apply import apply
from deconv_ref.commands.compare import compare
from deconv_ref.commands.train import train

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands to an application."""
    for command in (train, apply, compare):
        app.command()(command)
