"""Folders of recorded speech with transcripts, in the layouts that are found in the wild.

A folder is read in the first of these layouts that it has:

- `core-sounds-*.txt` or `.txt.gz` in it: Asterisk prompts (`envs.speech.corpus.asterisk`);
- `metadata.csv`: LJ Speech's `id|text` or `id|text|text in full words`, with the audio in the
  folder or in `wavs`; or a CSV with the columns `file`, `text` and, if wanted, `voice`;
- a `.txt` or `.lab` beside each audio file, at any depth, with what is said in it.

Nothing that is left out goes uncounted.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from envs.speech.tables import Table

Part = Literal["train", "validation", "test"]
LeftOut = Literal["no audio", "no transcript", "no words", "remark", "damaged text"]

AUDIO_SUFFIXES: Final = frozenset(
    (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".aac", ".aiff", ".aif", ".mp4", ".wma")
)
TRANSCRIPT_SUFFIXES: Final = (".txt", ".lab")
METADATA: Final = "metadata.csv"

VALIDATION_PERCENT: Final = 10
TEST_PERCENT: Final = 20

_WORD: Final = re.compile(r"\w+")
_LJ_SPEECH_COLUMNS: Final = (2, 3)


class CorpusError(ValueError):
    """A corpus cannot be read; the message says which, why and what to do."""


@dataclass(frozen=True)
class Recording:
    """Recorded speech and what is said in it.

    Attributes:
        path: the audio file.
        text: what is said, every word.
        voice: espeak-ng voice that pronounces the text.
        key: its name within its corpus, without suffix: "digits/1".
    """

    path: Path
    text: str
    voice: str
    key: str

    @property
    def part(self) -> Part:
        """Which part of the corpus it belongs to, for ever and on every machine.

        A hash of its words decides, so recordings of the same words are in the same part: none
        that was tested on was trained on under another name.
        """
        words = " ".join(_WORD.findall(self.text.casefold()))
        place = int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big") % 100
        if place < TEST_PERCENT:
            return "test"
        return "validation" if place < TEST_PERCENT + VALIDATION_PERCENT else "train"


@dataclass(frozen=True)
class Corpus:
    """Recordings that belong together.

    Attributes:
        name: for messages and tables.
        recordings: sorted by key.
        left_out: why something in the corpus is no recording, by its key.
    """

    name: str
    recordings: tuple[Recording, ...]
    left_out: dict[str, LeftOut]

    @property
    def counts_left_out(self) -> dict[str, int]:
        """How many are no recordings, by reason."""
        return dict(Counter(sorted(self.left_out.values())))

    def of(self, part: Part) -> tuple[Recording, ...]:
        """The recordings of one part."""
        return tuple(recording for recording in self.recordings if recording.part == part)


def audio_files(folder: Path) -> dict[str, Path]:
    """The audio files at any depth by key; of two that differ in their suffix, the first by name.

    Raises:
        CorpusError: the folder is missing or cannot be read.
    """
    if not folder.is_dir():
        raise CorpusError(f"{folder}: there is no such folder; check the path")
    try:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
    except OSError as error:
        raise CorpusError(
            f"{folder}: cannot be read ({error.strerror}); check its rights"
        ) from error
    found: dict[str, Path] = {}
    for path in paths:
        found.setdefault(path.relative_to(folder).with_suffix("").as_posix(), path)
    return found


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, with or without byte order mark.

    Raises:
        CorpusError: it cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{path}: byte {error.start} is not UTF-8 text; save the file as UTF-8"
        ) from error
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror}); check its rights") from error


def match(name: str, audio: dict[str, Path], texts: Iterable[tuple[str, str, str]]) -> Corpus:
    """Put audio files and transcripts together.

    Args:
        name: the corpus's.
        audio: audio files by key.
        texts: key, text and voice of each transcript; of several with one key the last counts.
    """
    transcripts = {key: (text, voice) for key, text, voice in texts}
    left_out: dict[str, LeftOut] = dict.fromkeys(audio.keys() - transcripts, "no transcript")
    recordings = []
    for key, (text, voice) in sorted(transcripts.items()):
        if key not in audio:
            left_out[key] = "no audio"
        elif not _WORD.search(text):
            left_out[key] = "no words"
        else:
            recordings.append(Recording(audio[key], text, voice, key))
    return Corpus(name, tuple(recordings), left_out)


def read_folder(folder: Path, voice: str) -> Corpus:
    """Read a folder with `metadata.csv`, or with a transcript beside each audio file.

    Args:
        folder: where the recordings are; its name becomes the corpus's.
        voice: espeak-ng voice that pronounces the texts, where the folder does not say.

    Raises:
        CorpusError: the folder is missing, cannot be read, holds no audio, or no transcripts.
        envs.speech.tables.TableError: `metadata.csv` is not one; the message names the line.
    """
    audio = audio_files(folder)
    if not audio:
        raise CorpusError(
            f"{folder}: there are no audio files in it ({', '.join(sorted(AUDIO_SUFFIXES))})"
        )
    metadata = folder / METADATA
    texts = list(_metadata(metadata, voice) if metadata.is_file() else _beside(audio, voice))
    if not texts:
        raise CorpusError(
            f"{folder}: none of its {len(audio)} audio files has a transcript; write what is said "
            f"in a.wav into a.txt or a.lab beside it, or lines of file,text into {METADATA}"
        )
    if not any(key in audio for key, _, _ in texts):
        audio = {key.removeprefix("wavs/"): path for key, path in audio.items()}
    return match(folder.resolve().name, audio, texts)


def _beside(audio: dict[str, Path], voice: str) -> Iterator[tuple[str, str, str]]:
    for key, path in audio.items():
        for suffix in TRANSCRIPT_SUFFIXES:
            transcript = path.with_suffix(suffix)
            if transcript.is_file():
                yield key, " ".join(read_text(transcript).split()), voice
                break


def _metadata(path: Path, voice: str) -> Iterator[tuple[str, str, str]]:
    lines = read_text(path).splitlines()
    if lines and "|" in lines[0]:
        yield from _lj_speech(path, lines, voice)
        return
    for row in Table(path, ("file", "text")).rows():
        file = Path(row.cells["file"])
        key = file.with_suffix("") if file.suffix.lower() in AUDIO_SUFFIXES else file
        yield key.as_posix(), row.cells["text"], row.cells.get("voice") or voice


def _lj_speech(path: Path, lines: list[str], voice: str) -> Iterator[tuple[str, str, str]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) not in _LJ_SPEECH_COLUMNS or not cells[0]:
            raise CorpusError(
                f"{path}, line {number}: is not id|text or id|text|text in full words"
            )
        yield cells[0], cells[-1] or cells[1], voice
