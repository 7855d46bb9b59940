"""The whole command: `liptwin speak` from a sound file to a video file."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.case import Case, Effort, Sample, Sampler
from benchmarks.cost import cost_of
from benchmarks.speech import speech_like_audio
from envs.speech import write_wav
from sim.render import Quality

SIZE_PX: Final = 256
WALL: Final = "s per s of speech"
CPU: Final = "CPU s per s of speech"
MEMORY: Final = "MB at most"


@contextmanager
def _speak(quality: Quality, effort: Effort) -> Iterator[Sampler]:
    with tempfile.TemporaryDirectory() as folder:
        sound, video = Path(folder) / "speech.wav", Path(folder) / "face.mp4"
        write_wav(sound, speech_like_audio(effort.speech_s))
        options = ["--size", str(SIZE_PX), "--quality", quality, "--output", str(video)]
        command = [sys.executable, "-m", "liptwin", "speak", str(sound), *options]

        def run() -> Sample:
            cost = cost_of(command)
            return {
                WALL: cost["wall_s"] / effort.speech_s,
                CPU: cost["cpu_s"] / effort.speech_s,
                MEMORY: cost["peak_mb"],
            }

        yield run


CASES: Final = (
    Case(f"speak, {SIZE_PX}x{SIZE_PX} fast", partial(_speak, "fast")),
    Case(
        f"speak, {SIZE_PX}x{SIZE_PX} beautiful",
        partial(_speak, "beautiful"),
        baseline=f"speak, {SIZE_PX}x{SIZE_PX} fast",
        wanted={WALL: "below 1, on two cores"},
    ),
)
