"""What a trajectory file may say about itself: frame rate, face model, sound, origin."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from sim.model import FACE_MODEL_DIR
from sim2real.trajectory.errors import TrajectoryError

FPS_RANGE: Final = (1.0, 1000.0)
"""Frame rates that make sense: from slower than any film to faster than any servo bus."""

MAX_SOURCE_LENGTH: Final = 200

_SHA256 = re.compile(r"[0-9a-f]{64}")
_VERSION = re.compile(r"[0-9a-f]{12}")
_BLOCK_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class Metadata:
    """About a trajectory; None is not known.

    Attributes:
        fps: rows per second; the rows then lie on that grid.
        face_model: `face_model_version` of the face that the commands are meant for.
        audio_sha256: SHA-256 of the sound file that the commands go with, 64 hexadecimal digits.
        source: what made the commands, one line.

    Raises:
        TrajectoryError: a value that is none.
    """

    fps: float | None = None
    face_model: str | None = None
    audio_sha256: str | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        if self.fps is not None:
            check_rate(self.fps)
        if self.face_model is not None and not _VERSION.fullmatch(self.face_model):
            raise TrajectoryError(
                f"face_model: {self.face_model[:80]!r} is no version of a face model; "
                "it has 12 hexadecimal digits"
            )
        if self.audio_sha256 is not None and not _SHA256.fullmatch(self.audio_sha256):
            raise TrajectoryError(
                f"audio_sha256: {self.audio_sha256[:80]!r} is no SHA-256; "
                "it has 64 hexadecimal digits"
            )
        if self.source is not None and not _is_line(self.source):
            raise TrajectoryError(
                f"source: {self.source[:80]!r} is not one line of 1 to {MAX_SOURCE_LENGTH} "
                "printable characters"
            )

    def to_text(self) -> dict[str, str]:
        """What is known, as text by name."""
        known = {key: value for key, value in asdict(self).items() if value is not None}
        return {k: f"{v:.12g}" if isinstance(v, float) else v for k, v in known.items()}

    @classmethod
    def from_text(cls, texts: Mapping[str, str]) -> Metadata:
        """From what `to_text` gave; names that are none of ours are left alone.

        Raises:
            TrajectoryError: a value that is none; the message names it.
        """
        fps = None
        if "fps" in texts:
            try:
                fps = float(texts["fps"])
            except ValueError:
                raise TrajectoryError(f"fps: {texts['fps'][:80]!r} is not a number") from None
        return cls(fps, texts.get("face_model"), texts.get("audio_sha256"), texts.get("source"))


NO_METADATA: Final = Metadata()


def check_rate(fps: float) -> None:
    """Refuse frame rates outside `FPS_RANGE`.

    Raises:
        TrajectoryError: it is outside, or not a number.
    """
    if not FPS_RANGE[0] <= fps <= FPS_RANGE[1]:
        raise TrajectoryError(f"the frame rate must be from 1 to 1000 per second, not {fps}")


def face_model_version(folder: Path = FACE_MODEL_DIR) -> str:
    """12 hexadecimal digits that change with the mechanism or the servo table of a face model."""
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.xml"), folder / "servos.yaml"]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def audio_sha256(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes.

    Raises:
        TrajectoryError: it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
    except OSError as error:
        raise TrajectoryError(f"{path}: cannot be read ({error.strerror}); check the path") from (
            error
        )
    return digest.hexdigest()


def _is_line(text: str) -> bool:
    return 0 < len(text) <= MAX_SOURCE_LENGTH and text.isprintable() and text == text.strip()
