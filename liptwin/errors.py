"""What the command line says when it cannot go on."""

from __future__ import annotations

from pathlib import Path


class CommandError(Exception):
    """Something the user can put right; its text is all that the user sees of it.

    Args:
        message: what was wrong, where, and what to do.
        exit_status: the command's exit status, 2 for bad input and 1 for a failing machine.
    """

    def __init__(self, message: str, exit_status: int = 2) -> None:
        super().__init__(message)
        self.exit_status = exit_status


def cannot_write(folder: Path, error: OSError) -> CommandError:
    """The error of a command whose folder of results cannot be written."""
    return CommandError(
        f"{folder}: cannot be written ({error.strerror or error}); check its rights and the "
        "space left",
        exit_status=1,
    )
