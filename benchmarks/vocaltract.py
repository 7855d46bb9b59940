"""How far the wanted lips agree with those of VocalTractLab on the same phone timelines.

VocalTractLab (Birkholz, "Modeling consonant-vowel coarticulation for articulatory speech
synthesis", PLoS ONE 8, 2013) moves a vocal tract that was measured on one German speaker by
magnetic resonance imaging. It knows nothing of this project's phone table. It comes as the package
`vocaltractlab_cython`, which is GPL-3.0: extra `vtl`, for this comparison only.

Run it with: .venv/bin/python -m benchmarks.vocaltract
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from envs.speech import Phone, SynthesisError, Utterance, articulate, synthesise
from policies.evaluation.texts import TEXTS

Floats = NDArray[np.float64]

FPS: Final = 200.0

STATE_S: Final = 110 / 44_100
"""Time between two states of VocalTractLab's tract sequences, seconds."""

SEGMENTS: Final[dict[str, str]] = {
    "a": "a", "ä": "a", "ɑ": "a", "æ": "E:", "ɐ": "6", "ʌ": "a", "ɛ": "E", "e": "e", "ɪ": "I",
    "ᵻ": "I", "i": "i", "ə": "@", "ɜ": "9", "ɚ": "@", "u": "u", "ʊ": "U", "o": "o", "ɔ": "O",
    "ɒ": "O", "y": "y", "ʏ": "Y", "ø": "2", "œ": "9", "w": "u", "ɥ": "y",
    "p": "p", "b": "b", "m": "m", "f": "f", "v": "v", "β": "v", "t": "t", "d": "d", "n": "n",
    "ɾ": "d", "k": "k", "ɡ": "g", "ŋ": "N", "s": "s", "z": "z", "ʃ": "S", "ʒ": "Z", "ç": "C",
    "x": "x", "h": "h", "ʁ": "R", "ɹ": "R", "r": "l", "l": "l", "ɫ": "l", "j": "j", "ʝ": "j",
    "θ": "T", "ð": "D", "ʔ": "?", "ɲ": "n", "ʎ": "l", "ɣ": "g",
}  # fmt: skip
"""VocalTractLab's German segments (SAMPA) for letters of the IPA. A letter that German lacks gets
the one with nearest lips: w becomes a short u, the English ʌ an a, a trilled r an l."""

LANGUAGES: Final = ("de", "en-us", "es", "it", "fr")
"""Voices whose sounds all have a segment."""

UNSEEN: Final[dict[str, tuple[str, ...]]] = {
    "de": (
        "Am blauen Himmel ziehen die Wolken vorbei.",
        "Die Kinder spielen im Garten mit einem roten Ball.",
        "Morgen kommt meine Großmutter aus München zu Besuch.",
    ),
    "en-us": (
        "The quick brown fox jumps over the lazy dog.",
        "We were away a year ago in a warm and foggy place.",
        "Please buy some fresh apples and a bottle of milk.",
    ),
}
"""Sentences that were not looked at when the table was changed after the first comparison."""


class VocalTractError(ValueError):
    """VocalTractLab cannot say something; the message says what and why."""


@dataclass(frozen=True, eq=False)
class TractLips:
    """The lips of VocalTractLab at n moments; every array is (n,).

    Attributes:
        times_s: seconds from 0 up, `STATE_S` apart.
        aperture_mm: its lip distance `LD`, mm; 0 where the lips are closed.
        protrusion: its lip protrusion `LP`, from -1 to 1; u is 1.
        jaw_deg: its jaw angle `JA`, degrees, positive when open.
    """

    times_s: Floats
    aperture_mm: Floats
    protrusion: Floats
    jaw_deg: Floats


@dataclass(frozen=True)
class Agreement:
    """Pearson correlations between the wanted lips and VocalTractLab's, pauses left out."""

    aperture: float
    protrusion: float
    jaw: float


def tract_lips(phones: Sequence[Phone]) -> TractLips:
    """What VocalTractLab's own coarticulation does with a phone timeline.

    Raises:
        VocalTractError: the extra is not installed, or a phone has no segment.
    """
    vocal_tract = _library()
    segments = "".join(
        f"name = {name}; duration_s = {length_s:.6f};\n" for name, length_s in _segments(phones)
    )
    with tempfile.TemporaryDirectory() as folder:
        phoneme_file, gesture_file, motor_file = (
            Path(folder, f"said.{kind}") for kind in ("seg", "ges", "tract")
        )
        phoneme_file.write_text(segments)
        vocal_tract.phoneme_file_to_gesture_file(str(phoneme_file), str(gesture_file))
        vocal_tract.gesture_file_to_motor_file(str(gesture_file), str(motor_file))
        states = _tract_states(motor_file.read_text())
    names = [parameter["name"] for parameter in vocal_tract.get_param_info("tract")]
    column = {name: states[:, names.index(name)] for name in ("LD", "LP", "JA")}
    return TractLips(
        times_s=np.arange(len(states), dtype=np.float64) * STATE_S,
        aperture_mm=np.maximum(column["LD"] * 10, 0.0),
        protrusion=column["LP"],
        jaw_deg=-column["JA"],
    )


def _library() -> Any:
    try:
        import vocaltractlab_cython
    except ImportError as error:
        raise VocalTractError(
            'the comparison needs VocalTractLab: run pip install "liptwin[vtl]"'
        ) from error
    return vocaltractlab_cython


def _segments(phones: Sequence[Phone]) -> Iterator[tuple[str, float]]:
    """Name and length of each segment; a pause has no name, a diphthong is its letters."""
    for phone in phones:
        length_s = phone.end_s - phone.start_s
        if phone.is_silence:
            yield "", length_s
            continue
        letters = [letter for letter in phone.ipa if letter.isalpha() and letter not in "ːʲʰʷˤ"]
        unknown = [letter for letter in letters if letter not in SEGMENTS]
        if unknown or not letters:
            raise VocalTractError(
                f"VocalTractLab has no segment for {phone.ipa!r}; its sounds are German, "
                "SEGMENTS lists what they stand for"
            )
        for letter in letters:
            yield SEGMENTS[letter], length_s / len(letters)


def _tract_states(motor_text: str) -> Floats:
    """Tract parameters (n, 19) of a tract sequence file: after the comments, the glottis model
    and the count come pairs of lines, glottis and tract."""
    lines = [line for line in motor_text.splitlines() if line and not line.startswith("#")]
    return np.array([[float(value) for value in line.split()] for line in lines[3::2]])


def compared(phones: Sequence[Phone]) -> tuple[Floats, Floats]:
    """Ours and theirs, (3, n) each: aperture, protrusion, jaw while somebody speaks.

    VocalTractLab has no lips at rest, it waits in the next vowel; so pauses are left out.
    """
    lips, tract = articulate(phones, FPS), tract_lips(phones)
    times = lips.times_s
    speaking = np.zeros(times.size, bool)
    for phone in phones:
        if not phone.is_silence:
            speaking |= (times >= phone.start_s) & (times < phone.end_s)
    ours = np.stack([lips.aperture_mm, lips.protrusion_mm, lips.jaw_deg])
    theirs = np.stack(
        [
            np.interp(times, tract.times_s, curve)
            for curve in (tract.aperture_mm, tract.protrusion, tract.jaw_deg)
        ]
    )
    return ours[:, speaking], theirs[:, speaking]


def correlations(ours: Floats, theirs: Floats) -> Agreement:
    """Pearson's r of aperture, protrusion and jaw, (3, n) each."""
    return Agreement(*(float(np.corrcoef(a, b)[0, 1]) for a, b in zip(ours, theirs, strict=True)))


def sentences(text: str) -> list[str]:
    """The sentences of a text."""
    return [sentence for sentence in re.split(r"(?<=[.?!。])\s+", text) if sentence]


def spoken() -> Iterator[tuple[str, str, Utterance]]:
    """Group, voice and utterance of each sentence of the comparison."""
    seen = {voice: tuple(sentences(TEXTS[voice])) for voice in LANGUAGES}
    for group, texts in (("seen", seen), ("unseen", UNSEEN)):
        for voice, said in texts.items():
            for sentence in said:
                yield group, voice, synthesise(sentence, voice)


def main() -> None:
    """Print a table in markdown: every sentence, then every voice and group pooled."""
    curves: dict[tuple[str, str], list[tuple[Floats, Floats]]] = {}
    rows: list[tuple[str, str, str, Agreement]] = []
    for group, voice, utterance in track(list(spoken()), "speaking"):
        pair = compared(utterance.phones)
        rows.append((group, voice, utterance.text, correlations(*pair)))
        for pool in ((group, voice), (group, "all voices")):
            curves.setdefault(pool, []).append(pair)
    for (group, voice), pairs in curves.items():
        ours, theirs = (np.hstack(side) for side in zip(*pairs, strict=True))
        rows.append((group, voice, "pooled", correlations(ours, theirs)))
    print("| group | voice | sentence | aperture | protrusion | jaw |")
    print("|---|---|---|---|---|---|")
    for group, voice, sentence, found in rows:
        values = " | ".join(f"{r:.2f}" for r in (found.aperture, found.protrusion, found.jaw))
        print(f"| {group} | {voice} | {sentence} | {values} |")


if __name__ == "__main__":
    try:
        main()
    except (SynthesisError, VocalTractError) as error:
        raise SystemExit(str(error)) from error
