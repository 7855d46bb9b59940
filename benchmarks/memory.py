"""Peak memory against the length of the sound: `python -m benchmarks.memory --help`."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import soundfile

from benchmarks.cost import cost_of
from benchmarks.speech import speech_like_audio

MINUTES: Final = (1.0, 10.0, 60.0)
_LOOP_S: Final = 10.0

_FEATURES: Final = """
import sys
from envs.speech.features import feature_blocks
from envs.speech.recording import open_recording

sum(len(some) for some in feature_blocks(open_recording(sys.argv[1])))
"""


def main() -> None:
    """Parse the command line, run, print a Markdown table."""
    arguments = _arguments()
    print("| what | minutes | peak MB | wall s |", "|---|---|---|---|", sep="\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for minutes in arguments.minutes:
            sound = folder / "sound.wav"
            _write_speech(sound, minutes)
            for what in arguments.what:
                cost = cost_of([sys.executable, *_command(what, sound, folder)])
                row = (what, f"{minutes:g}", f"{cost['peak_mb']:.0f}", f"{cost['wall_s']:.0f}")
                print(f"| {' | '.join(row)} |", flush=True)


def _command(what: str, sound: Path, folder: Path) -> Sequence[str]:
    if what == "features":
        return ["-c", _FEATURES, str(sound)]
    speak = ["-m", "liptwin", "speak", str(sound)]
    if what == "film":
        return [*speak, "--size", "64", "--quality", "fast", "-o", str(folder / "face.mp4")]
    tables = ["--trajectory", "commands.csv", "--measurements", "lips.csv"]
    return [*speak, *(str(folder / part) if part.endswith(".csv") else part for part in tables)]


def _write_speech(path: Path, minutes: float) -> None:
    """Speech of any length, said over and over, without holding it."""
    spoken = speech_like_audio(_LOOP_S)
    with soundfile.SoundFile(path, "w", spoken.rate_hz, 1) as stream:
        left = round(60.0 * minutes * spoken.rate_hz)
        while left > 0:
            stream.write(spoken.samples[:left])
            left -= min(left, len(spoken.samples))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.memory",
        description="Measure whether memory stays flat however long the sound. `speak` writes the "
        "tables of the whole command, `film` a small video, `features` runs the log-mel features.",
    )
    parser.add_argument("--minutes", type=float, nargs="+", default=MINUTES, help="lengths")
    parser.add_argument(
        "--what",
        nargs="+",
        choices=("speak", "film", "features"),
        default=("speak", "features"),
        help="what to measure; film takes as long as the sound",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
