"""The voice prompts of the Asterisk telephone exchange: studio speech with transcripts.

Debian and Ubuntu package them in five languages (CC-BY-SA-3.0, Russian CC-BY-3.0), 24 to 31
minutes each, at 8 kHz. They are installed, never shipped with this project.

A transcript has a line `name: text` for each prompt. Where the text is a remark in brackets, the
prompt is a tone, a noise or silence; where it only holds one, nobody knows whether what is in the
brackets is said. Where letters were lost (they became question marks), the text is not what is
said. All these are left out, and counted.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from envs.speech.corpus.recordings import (
    Corpus,
    CorpusError,
    LeftOut,
    audio_files,
    match,
    read_text,
)

SOUNDS: Final = Path("/usr/share/asterisk/sounds")
DOCS: Final = Path("/usr/share/doc")
"""Where Debian's packages put the prompts and the transcripts."""

SOUND_EFFECTS: Final = frozenset(
    (
        "ascending-2tone",
        "beep",
        "beeperr",
        "confbridge-join",
        "confbridge-leave",
        "descending-2tone",
        "tt-monkeys",
    )
)
"""Prompts without speech in every language; Italian describes some of them without brackets."""

_BRACKETED: Final = r"\[[^\]]*\]|\([^)]*\)|<[^>]*>"
_ONLY_A_REMARK: Final = re.compile(rf'\s*"?(?:{_BRACKETED})"?[\s.]*')
_REMARK: Final = re.compile(_BRACKETED)
_LOST_LETTER: Final = re.compile(r"\w\?\w|\?\s+[^\W\d_A-ZÀ-ÞА-ЯЁ]")
"""A question mark within a sentence."""


@dataclass(frozen=True)
class Prompts:
    """One language's prompts.

    Attributes:
        language: as in the packages' names.
        voice: the espeak-ng voice nearest to the speaker's accent.
        folder: where the package of this speaker puts them.
    """

    language: str
    voice: str
    folder: str

    @property
    def packages(self) -> tuple[str, str]:
        """The Debian packages with the transcripts and with the audio."""
        name = f"asterisk-core-sounds-{self.language}"
        return name, f"{name}-wav"

    @property
    def sounds(self) -> Path:
        """The folder with the audio."""
        return SOUNDS / self.folder

    @property
    def transcript(self) -> Path:
        """The file with the texts."""
        name = self.packages[0]
        return DOCS / name / f"core-sounds-{self.language}.txt.gz"

    @property
    def missing(self) -> tuple[str, ...]:
        """The packages whose files are not there."""
        there = (self.transcript.is_file(), self.sounds.is_dir())
        return tuple(
            name for name, is_there in zip(self.packages, there, strict=True) if not is_there
        )


PROMPTS: Final = {
    prompts.language: prompts
    for prompts in (
        Prompts("en", "en-us", "en_US_f_Allison"),
        Prompts("es", "es-419", "es_MX_f_Allison"),
        Prompts("fr", "fr", "fr_CA_f_June"),
        Prompts("it", "it", "it_IT_m_Carlo"),
        Prompts("ru", "ru", "ru_RU_f_IvrvoiceRU"),
    )
}
"""The prompts by language. espeak-ng has no Canadian French."""


def read_prompts(language: str) -> Corpus:
    """The installed prompts of a language of `PROMPTS`.

    Raises:
        CorpusError: they are not installed, or cannot be read.
    """
    prompts = PROMPTS[language]
    if prompts.missing:
        raise CorpusError(
            f"the Asterisk prompts in {language!r} are not installed; "
            f"run liptwin corpus install --language {language}"
        )
    return read_asterisk(prompts.sounds, prompts.transcript, prompts.voice, language)


def find_transcript(folder: Path) -> Path | None:
    """The Asterisk transcript in a folder, as in the archives of the Asterisk project."""
    return next(iter(sorted(folder.glob("core-sounds-*.txt*"))), None)


def read_asterisk(sounds: Path, transcript: Path, voice: str, name: str) -> Corpus:
    """Read prompts and their transcript.

    Args:
        sounds: the folder with the prompts.
        transcript: `name: text` by line, `;` begins a comment; may be compressed with gzip.
        voice: espeak-ng voice that pronounces the texts.
        name: the corpus's.

    Raises:
        CorpusError: something is missing, cannot be read, or the transcript holds no prompts.
    """
    entries = list(entries_of(_text(transcript)))
    if not entries:
        raise CorpusError(f"{transcript}: there is no line `name: text` in it")
    unusable = {key: problem for key, text in entries if (problem := problem_of(key, text))}
    audio = audio_files(sounds)
    found = match(
        name,
        {key: path for key, path in audio.items() if key not in unusable},
        [(key, text, voice) for key, text in entries if key not in unusable],
    )
    return Corpus(name, found.recordings, {**found.left_out, **unusable})


def entries_of(transcript: str) -> Iterator[tuple[str, str]]:
    """Key and text of each prompt in a transcript."""
    for line in transcript.splitlines():
        key, colon, text = line.partition(":")
        key, text = key.strip(), text.strip()
        if colon and key and not key.startswith(";"):
            # Some lines hold their key twice.
            yield key, text.removeprefix(f"{key}:").strip()


def problem_of(key: str, text: str) -> LeftOut | None:
    """Why a prompt's text is not what is said; None where it is."""
    if key in SOUND_EFFECTS or _ONLY_A_REMARK.fullmatch(text):
        return "no words"
    if _REMARK.search(text):
        return "remark"
    return "damaged text" if _LOST_LETTER.search(text) else None


def _text(transcript: Path) -> str:
    if transcript.suffix != ".gz":
        return read_text(transcript)
    try:
        with gzip.open(transcript, "rt", encoding="utf-8-sig") as stream:
            return stream.read()
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise CorpusError(
            f"{transcript}: is not a text compressed with gzip ({error}); install its package again"
        ) from error
