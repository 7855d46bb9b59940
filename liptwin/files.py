"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

from liptwin.errors import CommandError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; move it there at the end, or remove it on any error.

    The temporary name keeps the suffix, which tells some writers the format.

    Raises:
        CommandError: the file cannot be written (no such folder, no permission, disk full).
    """
    partial = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.partial{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        raise CommandError(
            f"cannot write {path}: {error.strerror or error}; "
            "check the folder, its permissions and the space left",
            exit_status=1,
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def check_can_write(path: Path, suffix: str) -> None:
    """Find out before the long work whether `path` is a sensible place to write to.

    Raises:
        CommandError: it is not; says why and what to do.
    """
    if path.suffix.lower() != suffix:
        raise CommandError(f"cannot write {path}: its name must end in {suffix}")
    if path.is_dir():
        raise CommandError(f"cannot write {path}: it is a folder; name a file in it")
    if not path.parent.is_dir():
        raise CommandError(f"cannot write {path}: there is no folder {path.parent}; make it first")
