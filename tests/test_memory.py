"""Memory does not grow with the sound."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.cost import cost_of

MINUTES = (1, 20)
ALLOWED_MB = 30.0
"""A sound of 20 minutes takes 77 MB; its commands, which are kept, take 3 MB."""

# All that `liptwin speak` does with the sound, but for the simulation.
SPEAK = """
import sys
from pathlib import Path
from envs.speech.audio import write_wav
from envs.speech.recording import open_recording
from liptwin.planning import commands_for
from policies import Speech, make_policy

recording = open_recording(sys.argv[1])
commands = commands_for(make_policy("amplitude"), Speech(recording), 30.0)
assert len(commands) == round(30.0 * recording.duration_s)
assert commands.max() > 0.5
write_wav(Path(sys.argv[1]).with_suffix(".copy.wav"), recording)
"""


def test_memory_does_not_grow_with_the_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUJOCO_GL", "disabled")  # nothing is drawn
    second = np.sin(np.linspace(0, 2000, 16_000)) * np.sin(np.linspace(0, 12, 16_000))
    peaks_mb = []
    for minutes in MINUTES:
        path = tmp_path / f"{minutes}.wav"
        with soundfile.SoundFile(path, "w", 16_000, 1) as stream:
            for _ in range(60 * minutes):
                stream.write(second)
        peaks_mb.append(cost_of([sys.executable, "-c", SPEAK, str(path)])["peak_mb"])
    assert peaks_mb[1] - peaks_mb[0] < ALLOWED_MB
