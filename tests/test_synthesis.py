"""Synthesised speech: phones with times, in every language, always the same."""

import multiprocessing
import sys
import time
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

from envs.speech import SILENCE, SynthesisError, Utterance, list_voices, synthesise
from envs.speech.accents import DENTAL, HABITS, SOFT, TAPPED, TRILLED, Habit, accented
from envs.speech.inventory import check_known

TEXTS = {
    "en-us": "Bob, my mum moves the upper shelf. Five wolves push!",
    "fr": "Bonjour, je voudrais un peu de pain blanc.",
    "ja": "こんにちは、ふゆはさむいです。",
    "ko": "안녕하세요, 밥을 먹었어요.",
    "es": "Buenos días, el perro bebe mucha agua.",
    "it": "Buongiorno, la pizza e il vino rosso.",
    "de": "Guten Tag, ich möchte Apfelkuchen.",
    "ru": "Привет, мой друг, очень приятно.",
    "cmn": "你好，我们是朋友，请吃饭。",
    "he": "שלום לכם, מה נשמע היום",
    "ar": "مَرْحَبًا بِكُم، كَيفَ حَالُكُم",
}


def synthesis_is_missing() -> bool:
    try:
        list_voices()
    except SynthesisError:
        return True
    return False


needs_tts = pytest.mark.skipif(
    synthesis_is_missing(), reason='espeak-ng is not installed: pip install "liptwin[tts]"'
)


def check_phones(utterance: Utterance) -> None:
    phones = utterance.phones
    assert phones[0].start_s == 0.0
    assert phones[-1].end_s == utterance.audio.duration_s
    for phone, following in pairwise(phones):
        assert phone.end_s == following.start_s
        assert not (phone.is_silence and following.is_silence)
    for phone in phones:
        assert phone.end_s > phone.start_s
        assert phone.ipa[0].isalpha() or phone.is_silence
        assert unicodedata.category(phone.ipa[0]) != "Lm"
        assert not set(phone.ipa) & set("ˈˌ().- ")


def digest(text: str) -> bytes:
    return synthesise(text).audio.samples.tobytes()


@needs_tts
@pytest.mark.parametrize("voice", TEXTS)
def test_every_language_gives_phones_that_cover_the_sound(voice: str) -> None:
    utterance = synthesise(TEXTS[voice], voice)
    check_phones(utterance)
    assert utterance.audio.rate_hz == 16_000
    assert len([phone for phone in utterance.phones if not phone.is_silence]) >= 10
    assert {phone.stressed for phone in utterance.phones} == {True, False}


@needs_tts
def test_english_phones() -> None:
    phones = [p.ipa for p in synthesise("Stop the happy puppy.").phones if not p.is_silence]
    assert phones[:6] == ["s", "t", "ɑː", "p", "ð", "ə"]
    assert phones.count("p") == 4


@needs_tts
def test_a_voiceless_stop_begins_with_its_closure() -> None:
    utterance = synthesise("A paper pepper.")
    rate_hz = utterance.audio.rate_hz
    stops = [phone for phone in utterance.phones if phone.ipa == "p"]
    assert len(stops) == 4
    for stop in stops:
        closed = utterance.audio.samples[
            round((stop.start_s + 0.005) * rate_hz) : round((stop.start_s + 0.025) * rate_hz)
        ]
        assert np.max(np.abs(closed)) < 0.01


@needs_tts
def test_blended_phones_are_not_lost() -> None:
    phones = [phone.ipa for phone in synthesise("밥을 먹었어요.", "ko").phones]
    assert phones[3:6] == ["ɯ", "ɫ", "m"]


@needs_tts
def test_silence_phones_are_silent_and_the_others_are_not() -> None:
    utterance = synthesise("One. Two. Three.")
    pauses = [phone for phone in utterance.phones if phone.ipa == SILENCE]
    assert len([pause for pause in pauses if pause.end_s - pause.start_s > 0.2]) == 2
    levels = {True: 0.0, False: 0.0}
    for phone in utterance.phones:
        span = slice(
            round(phone.start_s * utterance.audio.rate_hz),
            round(phone.end_s * utterance.audio.rate_hz),
        )
        level = float(np.sqrt(np.mean(utterance.audio.samples[span] ** 2)))
        levels[phone.is_silence] = max(levels[phone.is_silence], level)
    assert levels[True] < 0.1 * levels[False]


@needs_tts
@pytest.mark.parametrize("voice", ["en-us", "en-us+f3", "en-us+Reed"])
def test_the_same_text_gives_the_same_sound_whenever_and_whatever_came_before(voice: str) -> None:
    first = synthesise("The same again.", voice)
    synthesise("Etwas anderes.", "de+Reed")
    time.sleep(1.1)  # espeak-ng's own seed is the time in seconds
    second = synthesise("The same again.", voice)
    assert first.phones == second.phones
    np.testing.assert_array_equal(first.audio.samples, second.audio.samples)


@needs_tts
def test_threads_take_turns() -> None:
    texts = [f"Number {i}." for i in range(12)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(digest, texts)) == [digest(text) for text in texts]


@needs_tts
@pytest.mark.parametrize(
    "method",
    [
        pytest.param(
            "fork", marks=pytest.mark.skipif(sys.platform != "linux", reason="fork is for Linux")
        ),
        "spawn",
    ],
)
def test_other_processes_speak_too(method: str) -> None:
    texts = ["One.", "Two.", "Three."]
    expected = [digest(text) for text in texts]
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(digest, texts) == expected


@needs_tts
def test_phone_times_do_not_drift_in_a_long_text() -> None:
    utterance = synthesise("A paper pepper. " * 200, rate_wpm=350)
    check_phones(utterance)
    stops = [phone for phone in utterance.phones if phone.ipa == "p"]
    assert len(stops) == 800
    middle = round((stops[-1].start_s + 0.01) * utterance.audio.rate_hz)
    assert np.max(np.abs(utterance.audio.samples[middle - 50 : middle + 50])) < 0.01


@needs_tts
def test_rate_and_pitch_and_variant_matter() -> None:
    text = "How fast do you speak?"
    plain = synthesise(text)
    assert synthesise(text, rate_wpm=350).audio.duration_s < 0.7 * plain.audio.duration_s
    assert not np.array_equal(synthesise(text, pitch=90).audio.samples, plain.audio.samples)
    assert not np.array_equal(synthesise(text, "en-us+f3").audio.samples, plain.audio.samples)


@needs_tts
def test_voices_are_listed() -> None:
    voices = {voice.name: voice for voice in list_voices()}
    assert set(TEXTS) <= set(voices)
    assert voices["f3"].is_variant
    assert voices["f3"].gender == "female"


@needs_tts
@pytest.mark.parametrize("voice", ["EN-US", "en-gb", "fr-fr", "zh", "en-us+Mr serious"])
def test_every_listed_code_can_be_spoken(voice: str) -> None:
    check_phones(synthesise("la mama", voice))


@needs_tts
@pytest.mark.parametrize(
    ("text", "voice", "message"),
    [
        ("", "en-us", "empty"),
        (" \n", "en-us", "empty"),
        ("...", "en-us", "nothing in"),
        ("\0", "en-us", "nothing in"),
        ("hello", "en-uk", "did you mean .*en-us"),
        ("hello", "en-us+f33", "did you mean f3"),
        ("hello", "", "unknown voice"),
        ("hello", "en-us+", "unknown voice variant"),
        ("你好", "en-us", "use voice 'cmn'"),
    ],
)
def test_what_cannot_be_spoken_is_an_error(text: str, voice: str, message: str) -> None:
    with pytest.raises(SynthesisError, match=message):
        synthesise(text, voice)


@pytest.mark.parametrize(
    "wrong", [{"rate_wpm": 20}, {"rate_wpm": 400}, {"pitch": 120}, {"rate_hz": 0}]
)
def test_numbers_out_of_range(wrong: dict[str, int]) -> None:
    with pytest.raises(SynthesisError, match="must be from"):
        synthesise("hello", **wrong)  # type: ignore[arg-type]


@needs_tts
@pytest.mark.parametrize(
    "text", ["a\0b", "line one\nline two", "smile 😀", "\ud800 hello", "[[h@'loU]] <b>bold</b>"]
)
def test_odd_characters_do_no_harm(text: str) -> None:
    check_phones(synthesise(text))


@needs_tts
def test_hebrew_points_are_not_spelled_out() -> None:
    assert synthesise("שָׁלוֹם", "he").phones == synthesise("שלום", "he").phones


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    list_voices.cache_clear()
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(SynthesisError, match=r'pip install "liptwin\[tts\]"'):
        synthesise("hello")


ACCENTED_TEXT = "Pretty Betty met ten red rabbits."


@pytest.mark.parametrize(
    ("habit", "said", "heard"),
    [
        (DENTAL, "t'En d'IdZ tS'In b'Vt#3", "t['En d['IdZ tS'In b'Vt[3"),
        (SOFT, "p'i:p@L b'3:d m,It", "p;'i:p@L b'3:d m;,It"),
        (TRILLED, "r'Ed", "R'Ed"),
        (TAPPED, "r'Ed", "*'Ed"),
    ],
)
def test_a_habit_rewrites_the_sounds_that_it_is_about(habit: Habit, said: str, heard: str) -> None:
    assert habit(said) == heard
    assert habit(heard) == heard


def test_what_is_dental_is_not_softened_too() -> None:
    assert accented("t'i:", (DENTAL, SOFT)) == "t['i:"


@needs_tts
def test_an_accent_changes_the_sounds_and_the_sound_but_not_what_is_said() -> None:
    plain, foreign = (
        synthesise(ACCENTED_TEXT),
        synthesise(ACCENTED_TEXT, habits=(DENTAL, SOFT, TRILLED)),
    )
    check_phones(foreign)
    check_known(foreign.phones)
    said, heard = (
        [phone.ipa for phone in some.phones if not phone.is_silence] for some in (plain, foreign)
    )
    assert len(said) == len(heard)
    assert {"t̪", "bʲ", "r"} <= set(heard)
    assert not {"t", "ɹ", "ɾ"} & set(heard)
    labials = [[phone[0] for phone in some if phone[0] in "pbmfv"] for some in (said, heard)]
    assert labials[0] == labials[1]
    again = synthesise(ACCENTED_TEXT, habits=(DENTAL, SOFT, TRILLED))
    np.testing.assert_array_equal(foreign.audio.samples, again.audio.samples)


@needs_tts
@pytest.mark.parametrize("habit", HABITS, ids=lambda habit: habit.name)
def test_every_habit_can_be_spoken(habit: Habit) -> None:
    spoken = synthesise(ACCENTED_TEXT, voice="en-us+f2", habits=[habit])
    check_phones(spoken)
    check_known(spoken.phones)


@needs_tts
@pytest.mark.parametrize("voice", ["fr", "en-gb", "piper:joe"])
def test_only_american_has_accents(voice: str) -> None:
    with pytest.raises(SynthesisError, match="accents are for voice 'en-us' only"):
        synthesise(ACCENTED_TEXT, voice=voice, habits=[DENTAL])
