"""A corpus by its name or its folder."""

from __future__ import annotations

from pathlib import Path

from envs.speech.corpus.asterisk import PROMPTS, find_transcript, read_asterisk, read_prompts
from envs.speech.corpus.recordings import Corpus, read_folder


def read_corpus(source: str, voice: str = "en-us") -> Corpus:
    """Read a corpus.

    Args:
        source: a language of `PROMPTS`, or a folder in a layout of `recordings`.
        voice: espeak-ng voice that pronounces the texts of a folder that does not say.

    Raises:
        CorpusError: it is not installed, is missing, or cannot be read.
        envs.speech.tables.TableError: its table is not one.
    """
    folder = Path(source)
    if source in PROMPTS and not folder.is_dir():
        return read_prompts(source)
    transcript = find_transcript(folder)
    if transcript is None:
        return read_folder(folder, voice)
    return read_asterisk(folder, transcript, voice, folder.resolve().name)
