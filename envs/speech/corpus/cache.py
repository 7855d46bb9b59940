"""Alignments on disk, one small file each, named by everything that they depend on.

A file that is damaged, or cannot be read, counts as not there; a folder that cannot be written
does not matter. Processes may share the folder: a file appears whole or not at all, and two that
are written under one name say the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Literal

from envs.cache import cache_folder
from envs.speech import alignment, espeak, kana, synthesis, warping
from envs.speech.alignment import Alignment, AlignmentError
from envs.speech.audio import Audio
from envs.speech.corpus import edges
from envs.speech.synthesis import Phone
from envs.speech.voices import pronunciation

Failure = Literal["too long", "not found", "cannot be spoken"]

_CODE: Final = (alignment, edges, espeak, kana, pronunciation, synthesis, warping)
_LIBRARIES: Final = ("pocketsphinx", "espeakng-loader", "numpy", "scipy", "soxr")


@dataclass(frozen=True)
class Finding:
    """What came of aligning a recording: an alignment, or why there is none."""

    alignment: Alignment | None
    failure: Failure | None


def alignment_folder() -> Path:
    """Where alignments are kept."""
    return cache_folder() / "alignments"


def key_of(audio: Audio, text: str, voice: str) -> str:
    """Hash of the samples, of what is said, and of the aligners that look for it.

    Raises:
        envs.speech.alignment.AlignmentError: an aligner is not installed.
    """
    digest = hashlib.sha256(aligners().encode())
    digest.update(json.dumps([text, voice, audio.rate_hz]).encode())
    digest.update(audio.samples.tobytes())
    return digest.hexdigest()[:32]


@cache
def aligners() -> str:
    """The code and the versions of the libraries that alignments depend on, as a hash.

    Raises:
        envs.speech.alignment.AlignmentError: an aligner is not installed.
    """
    try:
        versions = [f"{name} {metadata.version(name)}" for name in _LIBRARIES]
    except metadata.PackageNotFoundError as error:
        raise AlignmentError(
            f'alignment needs {error.name}: run pip install "liptwin[align]"'
        ) from error
    code = [Path(str(module.__file__)).read_bytes() for module in _CODE]
    return hashlib.sha256(b"\0".join([*map(str.encode, versions), *code])).hexdigest()


def read(key: str) -> Finding | None:
    """What was found before; None where nothing usable is there."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        entry = json.loads(_path(key).read_text(encoding="utf-8"))
        if entry["checksum"] == _checksum(entry["finding"]):
            return _finding(entry["finding"])
    return None


def write(key: str, finding: Finding) -> None:
    """Keep what was found."""
    content = _content(finding)
    path = _path(key)
    partial = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            entry = {"checksum": _checksum(content), "finding": content}
            partial.write_text(json.dumps(entry, ensure_ascii=False), encoding="utf-8")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def _path(key: str) -> Path:
    return alignment_folder() / f"{key}.json"


def _checksum(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _content(finding: Finding) -> dict[str, Any]:
    if finding.alignment is None:
        return {"failure": finding.failure}
    return {
        "disagreement_ms": finding.alignment.disagreement_ms,
        "phones": [[p.ipa, p.start_s, p.end_s] for p in finding.alignment.phones],
    }


def _finding(content: dict[str, Any]) -> Finding:
    if "failure" in content:
        return Finding(None, content["failure"])
    phones = tuple(Phone(ipa, start_s, end_s) for ipa, start_s, end_s in content["phones"])
    return Finding(Alignment(phones, content["disagreement_ms"]), None)
