"""Files that are read whole, and appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from sim2real.trajectory.errors import TrajectoryError


def read_bytes(path: Path) -> bytes:
    """Everything in a file.

    Raises:
        TrajectoryError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise TrajectoryError(f"{path}: cannot be read ({reason}); check the path") from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; move it there at the end, or remove it on any error.

    Raises:
        TrajectoryError: the file cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        raise TrajectoryError(
            f"{path}: cannot be written ({error.strerror}); "
            "check that the folder exists and is writable"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
