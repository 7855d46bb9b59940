"""Natural voices: phones with times, always the same sound, clear words where one is missing."""

import io
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs.speech import SILENCE, SynthesisError, Utterance, list_voices, synthesise
from envs.speech.articulation import articulate
from envs.speech.espeak import PhoneEvent
from envs.speech.inventory import check_known
from envs.speech.kana import has_ideographs, in_kana
from envs.speech.voices import (
    ENGINES,
    add_styles,
    flite,
    is_natural,
    kokoro,
    language_of,
    piper,
    styles,
)
from envs.speech.voices.pronunciation import Clause, Sign, known_signs, spell
from envs.speech.voices.rendering import Rendering, events_of, joined
from liptwin.main import main

pytest.importorskip("espeakng_loader", reason='pip install "liptwin[tts]"')


def needs(voice: str) -> pytest.MarkDecorator:
    engine, _, speaker = voice.partition(":")
    remedy = ENGINES[engine].remedy(speaker)
    return pytest.mark.skipif(remedy is not None, reason=f"{voice} is not installed: {remedy}")


needs_piper = needs("piper:joe")
needs_flite = needs("flite:slt")
needs_kokoro = needs("kokoro:jf_alpha")
needs_added = needs("kokoro:af_heart")


def check_phones(utterance: Utterance) -> None:
    phones = utterance.phones
    assert phones[0].start_s == 0.0
    assert phones[-1].end_s == utterance.audio.duration_s
    for phone, following in pairwise(phones):
        assert phone.start_s < phone.end_s == following.start_s
        assert not (phone.is_silence and following.is_silence)
    articulate(phones, 30.0)  # every one is in the table


def said(utterance: Utterance) -> list[str]:
    return [phone.ipa for phone in utterance.phones if phone.ipa != SILENCE]


def loudness(utterance: Utterance, ipa: str) -> float:
    """Root mean square in the middle half of a phone, relative to the whole."""
    rate_hz, levels = utterance.audio.rate_hz, []
    for phone in utterance.phones:
        if phone.ipa == ipa:
            quarter_s = (phone.end_s - phone.start_s) / 4
            span = slice(
                round((phone.start_s + quarter_s) * rate_hz),
                round((phone.end_s - quarter_s) * rate_hz),
            )
            levels.append(np.sqrt(np.mean(utterance.audio.samples[span] ** 2)))
    return float(np.mean(levels) / np.sqrt(np.mean(utterance.audio.samples**2)))


@needs_piper
def test_piper_says_the_phones_that_espeak_would() -> None:
    text = "A papa saw six ships."
    natural, plain = synthesise(text, "piper:joe"), synthesise(text, "en-us")
    check_phones(natural)
    assert said(natural) == said(plain)
    assert {phone.stressed for phone in natural.phones} == {True, False}
    assert loudness(natural, "ɔː") > 4 * loudness(natural, "p")


@needs_flite
@pytest.mark.parametrize("voice", [voice.name for voice in flite.VOICES])
def test_flite_says_the_phones_that_espeak_would(voice: str) -> None:
    text = "A papa saw six ships, and moved on."
    natural, plain = synthesise(text, voice), synthesise(text, "en-us")
    check_phones(natural)
    assert said(natural) == said(plain)
    assert loudness(natural, "ɔː") > 4 * loudness(natural, "p")


@needs_flite
def test_flite_can_hurry() -> None:
    slow, quick = (synthesise("Stop it now.", "flite:slt", rate_wpm=r) for r in (140, 210))
    ratio = slow.phones[-2].end_s / quick.phones[-2].end_s
    assert ratio == pytest.approx(210 / 140, rel=0.15)


def test_flite_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flite, "_PROGRAM", "false")
    with pytest.raises(SynthesisError, match="flite could not speak with voice 'slt'"):
        synthesise("Stop.", "flite:slt")


def test_without_flite_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flite, "_PROGRAM", "no-such-program")
    with pytest.raises(SynthesisError, match="not installed: run apt-get install flite"):
        synthesise("Stop.", "flite:slt")


@needs_piper
def test_the_same_text_gives_the_same_sound() -> None:
    first = synthesise("Stop now.", "piper:joe")
    synthesise("Something else.", "piper:joe")
    second = synthesise("Stop now.", "piper:joe")
    assert first.phones == second.phones
    np.testing.assert_array_equal(first.audio.samples, second.audio.samples)


@needs_piper
def test_threads_get_the_same_sound() -> None:
    expected = synthesise("Stop now.", "piper:joe").audio.samples.tobytes()
    with ThreadPoolExecutor(3) as pool:
        spoken = pool.map(synthesise, ["Stop now."] * 3, ["piper:joe"] * 3)
        assert {utterance.audio.samples.tobytes() for utterance in spoken} == {expected}


@needs_piper
def test_speed() -> None:
    slow, fast = (synthesise("How fast?", "piper:joe", rate_wpm=r) for r in (110, 300))
    assert fast.audio.duration_s < 0.7 * slow.audio.duration_s


@needs_kokoro
def test_kokoro_speaks_japanese_and_with_an_accent() -> None:
    japanese = synthesise("まんが。", "kokoro:jf_alpha")
    check_phones(japanese)
    assert said(japanese) == said(synthesise("まんが。", "ja"))
    english = synthesise("My boat.", "kokoro:jm_kumo@en-us")
    check_phones(english)
    assert said(english) == said(synthesise("My boat.", "en-us"))


@needs_added
def test_added_speakers_and_their_blends() -> None:
    text = "My boat moved by."
    heart, george = (synthesise(text, f"kokoro:{name}") for name in ("af_heart", "bm_george"))
    check_phones(heart)
    assert said(heart) == said(synthesise(text, "en-us"))
    assert said(george) == said(synthesise(text, "en-gb"))  # each in the own English
    blend = synthesise(text, "kokoro:af_heart+bm_george")
    check_phones(blend)
    assert said(blend) == said(heart)
    pitches = [pitch_hz(spoken) for spoken in (george, blend, heart)]
    assert pitches[0] < pitches[1] < pitches[2]  # a man, both, a woman


def pitch_hz(utterance: Utterance) -> float:
    librosa = pytest.importorskip("librosa")
    audio = utterance.audio
    found, voiced, _ = librosa.pyin(audio.samples, fmin=60, fmax=400, sr=audio.rate_hz)
    return float(np.median(found[voiced]))


def packed(folder: Path, voices: dict[str, bytes]) -> Path:
    """A package of npm with these voices."""
    path = folder / "kokoro-js.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in {"package/README.md": b"x", **voices}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def style_bytes(value: float) -> bytes:
    return np.full((styles.LENGTHS, styles.SIZE), value, "<f4").tobytes()


def test_styles_are_added_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert styles.added_speakers() == frozenset()
    package = packed(
        tmp_path,
        {
            "package/voices/bm_two.bin": style_bytes(2.0),
            "package/voices/af_one.bin": style_bytes(1.0),
            "package/voices/../../evil.bin": style_bytes(3.0),
        },
    )
    assert add_styles(package) == ("af_one", "bm_two")
    assert styles.added_speakers() == {"af_one", "bm_two"}
    assert styles.added_style("bm_two").shape == (styles.LENGTHS, styles.SIZE)
    assert (styles.added_style("bm_two") == 2.0).all()
    assert [path.name for path in (tmp_path / "data" / "liptwin").iterdir()] == [
        "kokoro-styles.npz"
    ]
    whole = styles.styles_path().read_bytes()
    for damaged in (b"damaged", whole[: len(whole) // 2], b""):
        styles.styles_path().write_bytes(damaged)
        assert styles.added_speakers() == frozenset()


@pytest.mark.parametrize(
    ("voices", "message"),
    [
        ({}, "holds no voices"),
        ({"package/voices/af_short.bin": b"\0" * 100}, "is no style of 510 x 256"),
        ({"package/voices/af_long.bin": style_bytes(1.0) + b"\0"}, "is no style of 510 x 256"),
        ({"package/voices/af_nan.bin": style_bytes(float("nan"))}, "no number"),
    ],
)
def test_a_package_without_styles_adds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, voices: dict[str, bytes], message: str
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with pytest.raises(SynthesisError, match=f"{message}.*npm pack"):
        add_styles(packed(tmp_path, voices))
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("content", [None, b"", b"not a package", b"\x1f\x8b\x08\0cut off"])
def test_a_file_that_is_no_package(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    path = tmp_path / "some.tgz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SystemExit) as leaving:
        main(["voices", "--add", str(path)])
    assert leaving.value.code == 1
    assert "cannot be read as a package of npm" in " ".join(capsys.readouterr().err.split())


def test_styles_that_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    package = packed(tmp_path, {"package/voices/af_one.bin": style_bytes(1.0)})
    with pytest.raises(SynthesisError, match=r"cannot be kept there .*XDG_DATA_HOME"):
        add_styles(package)


def test_names() -> None:
    assert is_natural("piper:joe") and is_natural("Kokoro:anyone")
    assert not is_natural("fr+f3") and not is_natural("piper")
    installed = {voice.name for voice in list_voices() if is_natural(voice.name)}
    for voice in ("piper:joe", "kokoro:jf_alpha", "kokoro:af_heart", "flite:slt"):
        engine, _, speaker = voice.partition(":")
        assert (voice in installed) == (ENGINES[engine].remedy(speaker) is None)


@pytest.mark.parametrize(
    ("voice", "wrong", "message"),
    [
        ("piper:jo", {}, "did you mean piper:joe"),
        ("kokoro:jf_alpha@ru", {}, "it speaks en-us, en-gb"),
        ("kokoro:jf_alpha+jf_alpah", {}, "did you mean kokoro:jf_alpha"),
        ("piper:joe+joe", {}, "did you mean piper:joe"),
        ("piper:joe@fr", {}, "it speaks en-us"),
        ("piper:joe", {"pitch": 70}, "has one pitch"),
        ("piper:joe", {"rate_wpm": 20}, "must be from"),
    ],
)
def test_what_a_voice_cannot_do(voice: str, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(SynthesisError, match=message):
        synthesise("hello", voice, **wrong)


@needs_piper
@pytest.mark.parametrize("text", ["", "...", "\0", "。"])
def test_nothing_to_say(text: str) -> None:
    with pytest.raises(SynthesisError, match=r"empty|nothing in"):
        synthesise(text, "piper:joe")


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for engine in (piper, kokoro):
        monkeypatch.setattr(engine, "remedy", lambda speaker, engine=engine: engine.INSTALL)
    list_voices.cache_clear()
    with pytest.raises(SynthesisError, match=r'pip install "liptwin\[voices\]"'):
        language_of("piper:joe")
    with pytest.raises(SystemExit) as leaving:
        main(["voices", "french"])
    assert leaving.value.code in (0, None)
    printed = capsys.readouterr()
    told = " ".join(printed.err.split())
    assert '55 more (kokoro:af_alloy, ...): run pip install "liptwin[voices]"' in told
    assert "fr " in printed.out
    list_voices.cache_clear()


def test_a_phone_begins_with_its_first_letter_that_is_known() -> None:
    signs = spell((Clause((("tʃ", "ˈaɪ"),), "."),), {"tʃ": "ʧ", "aɪ": "I"})
    assert signs == [Sign("ʧ", "tʃ"), Sign("ˈ", "ˈaɪ"), Sign("I", None), Sign(".", "")]
    known, missing = known_signs(signs, {"I": 1, ".": 2})
    assert known == [Sign("I", "ˈaɪ"), Sign(".", "")]
    assert missing == ["tʃ"]


def test_events_stay_within_the_sound() -> None:
    signs = [Sign("a", "a"), Sign("ː", None), Sign("m", "m")]
    found = events_of(signs, np.array([0.0, 50.0, 90.0]), -10.0, 75)
    assert found == [PhoneEvent(0, "a"), PhoneEvent(75, "m")]


def test_sentences_follow_each_other() -> None:
    one = Rendering(100, np.ones(50, np.float32), [PhoneEvent(10, "a")])
    both = joined([one, one])
    assert both.pcm.size == 125
    assert both.events == [PhoneEvent(10, "a"), PhoneEvent(50, ""), PhoneEvent(85, "a")]


def test_the_vowel_of_mandarin_si_is_not_spread() -> None:
    apical, spread = (synthesise(text, "cmn").phones for text in ("四四", "西西"))
    assert [phone.ipa for phone in apical].count("ɿ") == 2
    assert [phone.ipa for phone in spread].count("i") == 2


def test_lips_know_all_sounds_of_scots() -> None:
    check_known(synthesise("Father, do you go far in this car?", "en-gb-scotland").phones)


def test_russian_y_is_not_rounded() -> None:
    phones = said(synthesise("ты мы вы рыба", "ru"))
    assert phones.count("ɨ") == 4 and not any("y" in ipa for ipa in phones)
    assert "y" in "".join(said(synthesise("tu", "fr")))


def test_kanji_are_read() -> None:
    pytest.importorskip("sudachidict_small", reason='pip install "liptwin[kanji]"')
    assert in_kana("東京です") == "トウキョウです"
    assert not has_ideographs(in_kana("私は学校に行きます。"))
    assert said(synthesise("東京です", "ja")) == said(synthesise("トウキョウです", "ja"))


def test_kanji_without_a_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sudachipy", None)
    from envs.speech import kana

    kana._tokenizer.cache_clear()
    with pytest.raises(SynthesisError, match=r"'東京'; write them in kana .*liptwin\[kanji\]"):
        synthesise("東京です", "ja")
