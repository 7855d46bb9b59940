"""How far espeak-ng's phone times and an independent aligner's are apart, in eleven languages.

PocketSphinx, which hears only the sound and is told only the text, finds the phones of the texts'
sentences; the starts of the phones that both name are compared.

Run it with: .venv/bin/python -m benchmarks.phone_times
"""

import argparse
import difflib
import re

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from benchmarks.score_rows import markdown
from envs.speech.alignment import AlignmentError, align
from envs.speech.synthesis import Phone, synthesise
from policies.evaluation.texts import TEXTS

COLUMNS = (
    "voice",
    "sentences found",
    "phones",
    "median error, ms",
    "90 % below, ms",
    "median shift, ms",
)


def shifts_ms(found: list[Phone], exact: list[Phone]) -> NDArray[np.float64]:
    """Start found minus exact start (n,), of the phones that both timelines name."""
    blocks = difflib.SequenceMatcher(
        None, [phone.ipa for phone in found], [phone.ipa for phone in exact], autojunk=False
    ).get_matching_blocks()
    pairs = [(found[b.a + k], exact[b.b + k]) for b in blocks for k in range(b.size)]
    return np.array([(one.start_s - other.start_s) * 1e3 for one, other in pairs])


def sentences(text: str) -> list[str]:
    """The sentences of a text."""
    return [part for part in re.split(r"(?<=[.?!。！？])\s*", text) if part.strip()]


def compare(text: str, voice: str) -> NDArray[np.float64] | None:
    """`shifts_ms` of a sentence; None where PocketSphinx does not find it."""
    spoken = synthesise(text, voice)
    try:
        found = align(spoken.audio, text, voice)
    except AlignmentError:
        return None
    ours, exact = (
        [phone for phone in phones if not phone.is_silence]
        for phones in (found.phones, spoken.phones)
    )
    return shifts_ms(ours, exact)


def _row(name: str, shifts: list[NDArray[np.float64] | None]) -> str:
    known = [one for one in shifts if one is not None]
    together = np.concatenate(known)
    errors = np.abs(together)
    figures = (np.median(errors), np.percentile(errors, 90), np.median(together))
    return markdown(
        name,
        f"{len(known)} of {len(shifts)}",
        str(together.size),
        *(f"{figure:.1f}" for figure in figures),
    )


def main() -> None:
    """Print a table in markdown."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    everything: list[NDArray[np.float64] | None] = []
    print(markdown(*COLUMNS))
    print("|---" * len(COLUMNS) + "|")
    for voice, text in track(TEXTS.items(), "aligning"):
        shifts = [compare(sentence, voice) for sentence in sentences(text)]
        everything += shifts
        print(_row(voice, shifts))
    print(_row("all", everything))


if __name__ == "__main__":
    main()
