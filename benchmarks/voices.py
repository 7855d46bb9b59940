"""How far the phone times of natural voices are from those of the independent aligner.

The offset of each voice (`OFFSET_S` of its module) was set to what this measured with 0 there.

Run it with: .venv/bin/python -m benchmarks.voices
"""

from __future__ import annotations

import difflib
from typing import Final

import numpy as np
from rich.progress import track

from benchmarks.vocaltract import sentences
from envs.speech import Phone, SynthesisError, Utterance, list_voices, synthesise
from envs.speech.alignment import AlignmentError, align
from envs.speech.voices import is_natural, language_of

SENTENCES: Final[dict[str, str]] = {
    "en-us": (
        "All human beings are born free and equal in dignity and rights. They should act towards "
        "one another in a spirit of brotherhood. My mother moved five blue boats. Please buy some "
        "fresh apples and a bottle of milk. Which boy heard the measure of thunder?"
    ),
    "ja": (
        "ふゆのばんにぱんをたべて、みみずくとぼんぼりをみた。 "
        "ちゃわんとつくえ、ぎゅうにゅう、りょこう、しゃしん、わたしのへや。 "
        "すべてのにんげんは、うまれながらにしてじゆうである。"
    ),
}


def differences_ms(utterance: Utterance, language: str) -> list[float]:
    """How much later than by the aligner each phone of an utterance begins, ms.

    Raises:
        AlignmentError: the aligner does not find the text, or not with confidence.
    """
    found = align(utterance.audio, utterance.text, language)
    if not found.trusted:
        raise AlignmentError(f"the aligners differ by {found.disagreement_ms:.0f} ms")
    said, heard = _named(utterance.phones), _named(found.phones)
    blocks = difflib.SequenceMatcher(
        None, [phone.ipa for phone in said], [phone.ipa for phone in heard], autojunk=False
    ).get_matching_blocks()
    return [
        (said[block.a + k].start_s - heard[block.b + k].start_s) * 1e3
        for block in blocks
        for k in range(block.size)
    ]


def _named(phones: tuple[Phone, ...]) -> list[Phone]:
    return [phone for phone in phones if not phone.is_silence]


def main() -> None:
    """Print a table in markdown, espeak-ng first: what the aligner makes of exact times."""
    installed = [voice.name for voice in list_voices() if is_natural(voice.name)]
    print("| voice | phones | offset, ms | median deviation, ms | 90th percentile, ms | refused |")
    print("|---|---|---|---|---|---|")
    for voice in track(["en-us", "ja", *installed], "speaking and aligning"):
        language = language_of(voice) if is_natural(voice) else voice
        found: list[float] = []
        refused = 0
        for sentence in sentences(SENTENCES[language]):
            try:
                found += differences_ms(synthesise(sentence, voice), language)
            except AlignmentError:
                refused += 1
        if not found:
            print(f"| {voice} | 0 | | | | {refused} |")
            continue
        offset = float(np.median(found))
        apart = np.abs(np.array(found) - offset)
        print(
            f"| {voice} | {len(found)} | {offset:.0f} | {np.median(apart):.0f} | "
            f"{np.percentile(apart, 90):.0f} | {refused} |"
        )


if __name__ == "__main__":
    try:
        main()
    except (AlignmentError, SynthesisError) as error:
        raise SystemExit(str(error)) from error
