"""Speech: audio, synthesised voices with exact phone times, and the lips that go with them."""

from envs.speech.articulation import articulate
from envs.speech.audio import Audio, AudioError, AudioReport, load_audio, write_wav
from envs.speech.captures import Capture, read_capture_csv
from envs.speech.espeak import SynthesisError, Voice
from envs.speech.frames import frame_count, frame_times
from envs.speech.inventory import InventoryError
from envs.speech.lips import LipCurves
from envs.speech.loudness import loudness
from envs.speech.synthesis import (
    SILENCE,
    Phone,
    Utterance,
    list_voices,
    synthesise,
)
from envs.speech.tables import TableError
from envs.speech.timeline import read_phones_csv, write_phones_csv

__all__ = [
    "SILENCE",
    "Audio",
    "AudioError",
    "AudioReport",
    "Capture",
    "InventoryError",
    "LipCurves",
    "Phone",
    "SynthesisError",
    "TableError",
    "Utterance",
    "Voice",
    "articulate",
    "frame_count",
    "frame_times",
    "list_voices",
    "load_audio",
    "loudness",
    "read_capture_csv",
    "read_phones_csv",
    "synthesise",
    "write_phones_csv",
    "write_wav",
]
