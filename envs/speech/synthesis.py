"""Text to speech with phone times: by espeak-ng itself (see `envs.speech.espeak`), whose times are
exact, or by a natural voice that it tells the phones (see `envs.speech.voices`).

The same text gives the same sound, whatever was spoken before.

**Phone times.** espeak-ng reports where each phone begins to sound. For a voiceless stop that is
its release; the closed lips come before. The silence just before a stop is therefore counted as
part of the stop, not of the phone before.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import soxr
from numpy.typing import NDArray

from envs.speech import voices as natural
from envs.speech.accents import Habit, accented
from envs.speech.audio import SPEECH_RATE_HZ, Audio
from envs.speech.espeak import PhoneEvent, SynthesisError, Voice, open_espeak
from envs.speech.kana import has_ideographs, in_kana

RATE_HZ_RANGE = (8_000, 192_000)
"""Sample rates of the sound; less would cut speech, more is in no use."""

SILENCE = "_"
"""The `ipa` of a pause."""

RATE_WPM_RANGE = (80, 350)
"""Speaking rates, words per minute; beyond them espeak-ng's phone times are no longer in order."""

OWN_RATE_WPM = 175
"""The pace at which a natural voice was recorded counts as this speaking rate, espeak-ng's own."""

PITCH_RANGE = (0, 99)
"""espeak-ng's pitch scale."""

OWN_PITCH = 50
"""The voice's own pitch; a natural voice has no other."""

ACCENTED_VOICE = "en-us"
"""The language whose phonemes `envs.speech.accents` knows."""

CLOSURE_MAX_S = 0.1
"""Longest silence before a stop's release that is its closure; what is longer is also a pause."""

_QUIET = 1e-3
"""Magnitude below which a sample belongs to a closure; espeak-ng's closures are digital silence."""

_PAUSE_LEVEL = 0.1
"""An unnamed span is a pause below this share of the utterance's root mean square level."""

_STOPS = frozenset("pbtdkgɡqcɟʈɖʔɢ")
"""First letters of stops and affricates."""

_STRESS_MARKS = "ˈˌ"

_ASCII_IPA = (("nɡ", "ŋ"), ("s.", "ʂ"), ("z.", "ʐ"), ("i.", "ɨ"), (".", ""), ("-", ""), (":", "ː"))
"""Leftovers of espeak-ng's own alphabet in its IPA (Mandarin, Korean, Arabic, Scottish English),
in this order."""

_ASPIRATED = re.compile(r"(?<=[ptkqcɕʂs])h")

_REMAPPED = {"ru": {"y": "ɨ"}, "cmn": {"i̪": "ɿ"}}
"""By language, what espeak-ng's IPA uses for another sound. It writes Russian ы, which is unrounded
(Jones & Ward, The Phonetics of Russian, 1969), as `y`, which is rounded, and the vowel of Mandarin
sī, which is apical and not spread (Lee & Zee, "Standard Chinese (Beijing)", J. Int. Phonetic
Association 33, 2003), as a dental `i`; what it says has a second formant of 1.4 kHz, its `i` one of
2.3 kHz."""

_HEBREW_POINTS = re.compile("[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]")
"""Vowel points and accents; espeak-ng would spell them out ("Hebrew shin dot")."""

_IDEOGRAPH_LANGUAGES = ("cmn", "yue", "hak")
"""Languages whose ideographs espeak-ng can read; elsewhere it says "Chinese letter"."""


@dataclass(frozen=True)
class Phone:
    """One phone of an utterance.

    Attributes:
        ipa: IPA without stress marks, or `SILENCE`. A diphthong or an affricate is one phone.
        start_s: time at which it begins, seconds.
        end_s: time at which it ends, where the next one begins.
        stressed: whether it carries primary or secondary stress.
    """

    ipa: str
    start_s: float
    end_s: float
    stressed: bool = False

    @property
    def is_silence(self) -> bool:
        """Whether this is a pause."""
        return self.ipa == SILENCE

    def later(self, by_s: float) -> Phone:
        """The same phone, so many seconds later."""
        return replace(self, start_s=self.start_s + by_s, end_s=self.end_s + by_s)


@dataclass(frozen=True, eq=False)
class Utterance:
    """Spoken text.

    Attributes:
        audio: the sound.
        phones: without gaps from 0 to the end of the sound, each longer than 0.
        voice: name of the voice that spoke.
        text: what it was asked to speak.
    """

    audio: Audio
    phones: tuple[Phone, ...]
    voice: str
    text: str


def synthesise(
    text: str,
    voice: str = "en-us",
    rate_wpm: int = OWN_RATE_WPM,
    pitch: int = OWN_PITCH,
    rate_hz: int = SPEECH_RATE_HZ,
    habits: Sequence[Habit] = (),
) -> Utterance:
    """Speak a text.

    May be called from several threads (they take turns) and processes.

    Args:
        text: plain text in the voice's language. Japanese must be in kana unless the extra
            `kanji` is installed. Arabic needs its vowel marks to sound right; Hebrew is read
            without its points.
        voice: language code of `list_voices`, with a variant if wanted: "fr", "en-us+f3"; or a
            natural voice, with a language if wanted: "piper:joe", "kokoro:jf_alpha@fr".
        rate_wpm: words per minute, within `RATE_WPM_RANGE`; `OWN_RATE_WPM` is a natural voice's
            own pace.
        pitch: within `PITCH_RANGE`; `OWN_PITCH` for a natural voice.
        rate_hz: sample rate of the sound.
        habits: of a foreign accent; for espeak-ng's American English only. Pauses at punctuation
            are lost with them.

    Raises:
        SynthesisError: an extra is not installed, the voice is unknown or cannot say a phone, a
            number is out of range, or the text is empty, holds nothing that can be spoken, or is
            in a script that the voice cannot read.
    """
    _check_range("rate_wpm", rate_wpm, RATE_WPM_RANGE)
    _check_range("pitch", pitch, PITCH_RANGE)
    _check_range("rate_hz", rate_hz, RATE_HZ_RANGE)
    if not text.strip():
        raise SynthesisError("the text is empty; give at least one word")
    if habits and voice.partition("+")[0].lower() != ACCENTED_VOICE:
        raise SynthesisError(f"accents are for voice {ACCENTED_VOICE!r} only, not {voice!r}")
    if natural.is_natural(voice):
        language, rendering = _render_naturally(text, voice, rate_wpm, pitch)
    else:
        language, rendering = _render(text, voice, rate_wpm, pitch, habits)
    native_hz, pcm = rendering.rate_hz, rendering.pcm
    phones = _phones(pcm, rendering.events, native_hz, _remapping(language))
    if all(phone.is_silence for phone in phones):
        raise _nothing_to_say(text, voice)
    samples = soxr.resample(pcm, native_hz, rate_hz)
    audio = Audio(np.clip(samples, -1.0, 1.0), rate_hz, f"voice {voice}")
    phones[-1] = replace(phones[-1], end_s=audio.duration_s)
    return Utterance(audio, tuple(phones), voice, text)


def _render(
    text: str, voice: str, rate_wpm: int, pitch: int, habits: Sequence[Habit]
) -> tuple[Voice, natural.Rendering]:
    """espeak-ng's language, and what it makes of the text."""
    language, variant = _resolve(voice)
    spoken = _prepare(text, language)
    file = language.file if variant is None else f"{language.file}+{variant.file}"
    with open_espeak() as espeak:
        if habits:
            phonemes = accented(espeak.phonemes(spoken, file), habits)
            rendered = espeak.speak_phonemes(phonemes, file, rate_wpm, pitch)
        else:
            rendered = espeak.speak(spoken, file, rate_wpm, pitch)
    return language, natural.Rendering(*rendered)


def _render_naturally(
    text: str, voice: str, rate_wpm: int, pitch: int
) -> tuple[Voice, natural.Rendering]:
    """The language, and what a natural voice makes of the text."""
    if pitch != OWN_PITCH:
        raise SynthesisError(f"voice {voice!r} has one pitch, {OWN_PITCH}; pitch cannot be {pitch}")
    language = _find(natural.language_of(voice), is_variant=False)
    spoken = _prepare(text, language)
    with open_espeak() as espeak:
        sentences = natural.sentences(spoken, language.file, espeak)
    if not sentences:
        raise _nothing_to_say(text, voice)
    return language, natural.render(voice, sentences, rate_wpm / OWN_RATE_WPM)


def _nothing_to_say(text: str, voice: str) -> SynthesisError:
    return SynthesisError(
        f"there is nothing in {text[:40]!r} that voice {voice!r} can speak; "
        "give words, in the script of its language"
    )


def _remapping(language: Voice) -> Mapping[str, str]:
    return _REMAPPED.get(language.file.partition("-")[0], {})


@lru_cache(maxsize=1)
def list_voices() -> tuple[Voice, ...]:
    """All languages, the natural voices that are installed, then all variants, by name.

    Raises:
        SynthesisError: the extra is not installed.
    """
    with open_espeak() as espeak:
        voices = [*espeak.voices(), *natural.list_natural_voices()]
    return tuple(sorted(voices, key=lambda v: (v.is_variant, natural.is_natural(v.name), v.name)))


def _check_range(name: str, value: int, limits: tuple[int, int]) -> None:
    if not limits[0] <= value <= limits[1]:
        raise SynthesisError(f"{name} must be from {limits[0]} to {limits[1]}, not {value}")


def _resolve(voice: str) -> tuple[Voice, Voice | None]:
    """Language and variant of a voice's name."""
    language, plus, variant = voice.partition("+")
    return _find(language, is_variant=False), _find(variant, is_variant=True) if plus else None


def _find(name: str, *, is_variant: bool) -> Voice:
    known = {
        v.name.lower(): v
        for v in list_voices()
        if v.is_variant == is_variant and not natural.is_natural(v.name)
    }
    if name.lower() in known:
        return known[name.lower()]
    close = difflib.get_close_matches(name.lower(), known, n=4, cutoff=0.5)
    hint = f"did you mean {', '.join(known[c].name for c in close)}?" if close else ""
    kind = "voice variant" if is_variant else "voice"
    raise SynthesisError(f"unknown {kind} {name!r}; {hint or '`liptwin voices` lists them all'}")


def _prepare(text: str, language: Voice) -> str:
    """The text as espeak-ng should get it: no control characters, nothing it would spell out."""
    cleaned = "".join(
        " " if unicodedata.category(c) in ("Cc", "Cs") else c
        for c in unicodedata.normalize("NFC", text)
    )
    if language.file == "he":
        cleaned = _HEBREW_POINTS.sub("", unicodedata.normalize("NFD", cleaned))
    if language.file.startswith(_IDEOGRAPH_LANGUAGES) or not has_ideographs(cleaned):
        return cleaned
    if language.file != "ja":
        raise _unreadable(cleaned, language, "use voice 'cmn'")
    try:
        return in_kana(cleaned)
    except SynthesisError as error:
        raise _unreadable(cleaned, language, f"write them in kana ({error})") from error


def _unreadable(text: str, language: Voice, remedy: str) -> SynthesisError:
    ideographs = "".join(dict.fromkeys(filter(has_ideographs, text)))
    return SynthesisError(f"voice {language.name!r} cannot read {ideographs[:20]!r}; {remedy}")


def _phones(
    pcm: NDArray[np.float32],
    events: list[PhoneEvent],
    native_hz: int,
    remapping: Mapping[str, str],
) -> list[Phone]:
    """Phones without gaps from 0 to the end of the sound, `remapping` applied to their names."""
    spans = _spans(pcm, events)
    _claim_closures(pcm, spans, round(CLOSURE_MAX_S * native_hz))
    phones: list[Phone] = []
    ends = [start for start, _ in spans[1:]] + [pcm.size]
    for (start, name), end in zip(spans, ends, strict=True):
        if end <= start:
            continue
        ipa = _replaced(_clean_ipa(name), remapping.items())
        previous = phones[-1] if phones else None
        if previous and ipa == previous.ipa == SILENCE:
            phones[-1] = replace(previous, end_s=end / native_hz)
        elif previous and not previous.is_silence and _is_modifier(ipa):
            phones[-1] = replace(previous, ipa=previous.ipa + ipa, end_s=end / native_hz)
        else:
            stressed = name.startswith(tuple(_STRESS_MARKS))
            phones.append(Phone(ipa, start / native_hz, end / native_hz, stressed))
    return phones


def _spans(pcm: NDArray[np.float32], events: list[PhoneEvent]) -> list[tuple[int, str]]:
    """Start and name of each span, from 0 on; pauses are named `SILENCE`.

    Unnamed spans that sound (glides between vowels, releases) join the phone that follows. A
    phone without length of its own is blended into the one before, and gets the second half of it.
    """
    if pcm.size == 0:
        return []
    quiet = _PAUSE_LEVEL * float(np.sqrt(np.mean(np.square(pcm))))
    spans: list[tuple[int, str]] = [(0, SILENCE)]
    joined: int | None = None
    ends = [event.sample for event in events[1:]] + [pcm.size]
    for event, end in zip(events, ends, strict=True):
        if end <= event.sample:
            before, name_before = spans[-1]
            if event.name and name_before != SILENCE:
                spans.append(((before + event.sample) // 2, event.name))
            continue
        start = event.sample if joined is None else joined
        joined = None
        if event.name:
            spans.append((start, event.name))
        elif end == pcm.size or np.sqrt(np.mean(np.square(pcm[start:end]))) <= quiet:
            spans.append((start, SILENCE))
        else:
            joined = start
    return spans


def _claim_closures(pcm: NDArray[np.float32], spans: list[tuple[int, str]], longest: int) -> None:
    """Move the start of each stop back over the silence before it, at most `longest` samples."""
    for index in range(1, len(spans)):
        start, name = spans[index]
        if name.lstrip(_STRESS_MARKS)[:1] not in _STOPS:
            continue
        earliest = max(spans[index - 1][0], start - longest)
        sounding = np.flatnonzero(np.abs(pcm[earliest:start]) > _QUIET)
        closed_from = earliest + int(sounding[-1]) + 1 if len(sounding) else earliest
        spans[index] = (closed_from, name)


def _is_modifier(ipa: str) -> bool:
    """Whether this changes the letter before it (palatal, long, ...) and is no phone itself."""
    return all(unicodedata.category(letter) in ("Lm", "Mn") for letter in ipa)


def _clean_ipa(name: str) -> str:
    """IPA without stress marks and without espeak-ng's ASCII leftovers."""
    ipa = _replaced(name.strip(_STRESS_MARKS), _ASCII_IPA)
    return _ASPIRATED.sub("ʰ", ipa) or SILENCE


def _replaced(ipa: str, replacements: Iterable[tuple[str, str]]) -> str:
    for part, replacement in replacements:
        ipa = ipa.replace(part, replacement)
    return ipa
