"""Speech: audio files, synthesised voices with exact phone times, and loudness per frame."""

from envs.speech.audio import Audio, AudioError, AudioReport, load_audio, write_wav
from envs.speech.espeak import SynthesisError, Voice
from envs.speech.loudness import frame_count, frame_times, loudness
from envs.speech.synthesis import (
    SILENCE,
    Phone,
    Utterance,
    list_voices,
    synthesise,
)

__all__ = [
    "SILENCE",
    "Audio",
    "AudioError",
    "AudioReport",
    "Phone",
    "SynthesisError",
    "Utterance",
    "Voice",
    "frame_count",
    "frame_times",
    "list_voices",
    "load_audio",
    "loudness",
    "synthesise",
    "write_wav",
]
