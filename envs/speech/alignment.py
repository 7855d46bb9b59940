"""Phone times of a recording whose words are known: forced alignment with PocketSphinx.

PocketSphinx ships an acoustic model of English, and comes with the extra `align`. Every word gets
the pronunciation that espeak-ng gives it, each sound of which is replaced by the nearest one of
the model; so other languages work too, less exactly. The phones of the result are espeak-ng's.

A recogniser that is made to find a text finds it anywhere. So a second, independent opinion comes
with each alignment: the same text is spoken by espeak-ng and warped onto the recording
(`envs.speech.warping`); where the two disagree, neither is to be trusted.
"""

from __future__ import annotations

import difflib
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

import numpy as np

from envs.speech.arpabet import arpabet
from envs.speech.audio import SPEECH_RATE_HZ, Audio
from envs.speech.synthesis import SILENCE, Phone, synthesise
from envs.speech.warping import MAX_DURATION_S, warp

FRAME_S: Final = 0.01
"""PocketSphinx counts time in frames of this length."""

BEAM: Final = 1e-300
"""PocketSphinx gives up on what is less likely than this share of the best; its usual 1e-48 loses
the thread in languages that the model has not heard."""

BIAS_S: Final = 0.008
"""PocketSphinx finds phones this much early, by the median on espeak-ng's exact times."""

TRUSTED_MS: Final = 40.0
"""Median disagreement of the two aligners up to which an alignment is trusted."""

_INSIDE_WORDS: Final = "'’-"
"""Punctuation that may be part of a word."""


class AlignmentError(ValueError):
    """A text cannot be found in a recording; the message says why and what to do."""


@dataclass(frozen=True)
class Alignment:
    """Phones found in a recording.

    Attributes:
        phones: without gaps from 0 to the end of the sound.
        disagreement_ms: median distance between the phones' starts here and by the independent
            aligner, after taking off the constant part of it.
    """

    phones: tuple[Phone, ...]
    disagreement_ms: float

    @property
    def trusted(self) -> bool:
        """Whether the two aligners agree."""
        return self.disagreement_ms <= TRUSTED_MS


def align(audio: Audio, text: str, voice: str = "en-us") -> Alignment:
    """Find the phones of a text in a recording of it.

    Args:
        audio: the recording, at `SPEECH_RATE_HZ`.
        text: what is said in it, every word.
        voice: espeak-ng voice that pronounces the text.

    Raises:
        AlignmentError: the extra is not installed, the rate is another one, the recording is too
            long, or the text holds no words or cannot be found.
        envs.speech.espeak.SynthesisError: espeak-ng cannot speak the text.
    """
    if audio.rate_hz != SPEECH_RATE_HZ:
        raise AlignmentError(f"{audio.source}: must be at {SPEECH_RATE_HZ} Hz, not {audio.rate_hz}")
    if audio.duration_s > MAX_DURATION_S:
        raise AlignmentError(
            f"{audio.source}: lasts {audio.duration_s:.0f} s, at most {MAX_DURATION_S:.0f} can be "
            "aligned; cut it at pauses"
        )
    words = _words(text)
    if not words:
        raise AlignmentError(f"there are no words in {text[:40]!r}")
    pronounced = [_pronunciation(word, voice) for word in words]
    phones = _timeline(_find(audio, pronounced), audio.duration_s)
    return Alignment(phones, _disagreement_ms(audio, phones, text, voice))


def _words(text: str) -> list[str]:
    """The words of a text; where a language does not part them, what lies between punctuation."""
    spaced = "".join(
        c if c in _INSIDE_WORDS or unicodedata.category(c)[0] not in "PS" else " "
        for c in unicodedata.normalize("NFC", text)
    )
    words = (word.strip(_INSIDE_WORDS) for word in spaced.split())
    return [word for word in words if any(c.isalnum() for c in word)]


@lru_cache(maxsize=4096)
def _pronunciation(word: str, voice: str) -> tuple[str, ...]:
    """The phones of one word."""
    return tuple(phone.ipa for phone in synthesise(word, voice).phones if not phone.is_silence)


def _find(audio: Audio, words: list[tuple[str, ...]]) -> list[Phone]:
    """Phones with times, pauses between words included, as PocketSphinx finds them."""
    decoder = _decoder()
    names = [f"w{index}" for index in range(len(words))]
    sounds = [[arpabet(ipa) for ipa in word] for word in words]
    for name, word in zip(names, sounds, strict=True):
        decoder.add_word(name, " ".join(s for phone in word for s in phone), False)
    pcm = np.int16(np.clip(audio.samples, -1, 1) * 32767).tobytes()
    try:
        decoder.set_align_text(" ".join(names))
        _decode(decoder, pcm)
        decoder.set_alignment()
        _decode(decoder, pcm)
        # Its entries live only as long as the loop over them.
        entries = [
            (word.name, word.start, word.duration, [(s.start, s.duration) for s in word])
            for word in decoder.get_alignment() or ()
        ]
    except RuntimeError as error:
        raise AlignmentError(
            f"{audio.source}: the text cannot be found in it ({error}); "
            "does the recording say just this text?"
        ) from error
    phones: list[Phone] = []
    for name, start, length, spans in entries:
        if name not in names:
            phones.append(Phone(SILENCE, start * FRAME_S, (start + length) * FRAME_S))
            continue
        rest = iter(spans)
        index = names.index(name)
        for ipa, parts in zip(words[index], sounds[index], strict=True):
            own = [next(rest) for _ in parts]
            phones.append(Phone(ipa, own[0][0] * FRAME_S, sum(own[-1]) * FRAME_S))
    if sum(not phone.is_silence for phone in phones) != sum(map(len, words)):
        raise AlignmentError(
            f"{audio.source}: the text was found only in part; "
            "does the recording say just this text?"
        )
    return phones


def _decoder() -> Any:
    try:
        import pocketsphinx
    except ImportError as error:
        raise AlignmentError(
            'alignment needs PocketSphinx: run pip install "liptwin[align]"'
        ) from error
    return pocketsphinx.Decoder(
        lm=None,
        bestpath=False,
        loglevel="FATAL",
        samprate=float(SPEECH_RATE_HZ),
        beam=BEAM,
        pbeam=BEAM,
        wbeam=BEAM,
    )


def _decode(decoder: Any, pcm: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()


def _timeline(found: list[Phone], duration_s: float) -> tuple[Phone, ...]:
    """The phones without gaps from 0 to the end of the sound."""
    if not found[0].is_silence:
        found = [Phone(SILENCE, 0.0, found[0].start_s), *found]
    starts = [phone.start_s + BIAS_S for phone in found[1:]]
    edges = [0.0, *starts, max(duration_s, starts[-1])]
    return tuple(
        Phone(phone.ipa, start_s, end_s)
        for phone, (start_s, end_s) in zip(found, pairwise(edges), strict=True)
        if end_s > start_s
    )


def _disagreement_ms(audio: Audio, phones: tuple[Phone, ...], text: str, voice: str) -> float:
    spoken = synthesise(text, voice)
    theirs = [phone for phone in spoken.phones if not phone.is_silence]
    ours = [phone for phone in phones if not phone.is_silence]
    try:
        warped = warp(spoken.audio, audio)
    except ValueError as error:
        raise AlignmentError(
            f"{audio.source}: cannot be compared with the text ({error})"
        ) from error
    return disagreement_ms(
        ours,
        [Phone(p.ipa, warped(p.start_s), max(warped(p.start_s), warped(p.end_s))) for p in theirs],
    )


def disagreement_ms(ours: list[Phone], theirs: list[Phone]) -> float:
    """Median distance of the starts of the phones that two timelines share, constant part off.

    Infinite where they share none.
    """
    blocks = difflib.SequenceMatcher(
        None, [p.ipa for p in ours], [p.ipa for p in theirs], autojunk=False
    ).get_matching_blocks()
    apart = np.array(
        [
            ours[block.a + k].start_s - theirs[block.b + k].start_s
            for block in blocks
            for k in range(block.size)
        ]
    )
    return float(np.median(np.abs(apart - np.median(apart))) * 1e3) if apart.size else np.inf
