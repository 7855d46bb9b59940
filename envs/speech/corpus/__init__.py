"""Real speech: recordings with transcripts, aligned by two aligners that must agree."""

from envs.speech.corpus.aligning import (
    AlignedUtterance,
    Outcome,
    Summary,
    align_corpus,
    align_recordings,
    aligned_utterances,
    summarise,
)
from envs.speech.corpus.asterisk import PROMPTS, read_asterisk, read_prompts
from envs.speech.corpus.installing import install_prompts
from envs.speech.corpus.reading import read_corpus
from envs.speech.corpus.recordings import Corpus, CorpusError, Part, Recording, read_folder

__all__ = [
    "PROMPTS",
    "AlignedUtterance",
    "Corpus",
    "CorpusError",
    "Outcome",
    "Part",
    "Recording",
    "Summary",
    "align_corpus",
    "align_recordings",
    "aligned_utterances",
    "install_prompts",
    "read_asterisk",
    "read_corpus",
    "read_folder",
    "read_prompts",
    "summarise",
]
