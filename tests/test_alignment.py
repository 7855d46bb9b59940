"""Alignment against exact phone times, and two aligners against each other."""

import contextlib
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from envs.speech import Phone, read_phones_csv, synthesise, write_wav
from envs.speech.alignment import AlignmentError, align, disagreement_ms
from envs.speech.arpabet import SOUNDS, arpabet
from envs.speech.audio import Audio
from envs.speech.warping import warp
from liptwin.main import main

pytest.importorskip("espeakng_loader", reason='pip install "liptwin[tts]"')

SENTENCES = {
    "en-us": "They should act towards one another in a spirit of brotherhood.",
    "es": "Mañana llueve, voy a jugar con mi abuela.",
    "ja": "ふゆのばんにぱんをたべて、みみずくとぼんぼりをみた。",
    "cmn": "我们爸爸妈妈买苹果和面包，风飞过佛山。",
}


@pytest.mark.parametrize("voice", SENTENCES)
def test_phones_are_found_where_they_are(voice: str) -> None:
    pytest.importorskip("pocketsphinx", reason='pip install "liptwin[align]"')
    spoken = synthesise(SENTENCES[voice], voice)
    found = align(spoken.audio, SENTENCES[voice], voice)
    assert found.phones[0].start_s == 0
    assert found.phones[-1].end_s == pytest.approx(spoken.audio.duration_s, abs=0.02)
    for phone, following in pairwise(found.phones):
        assert phone.start_s < phone.end_s == following.start_s
    ours = [phone for phone in found.phones if not phone.is_silence]
    exact = [phone for phone in spoken.phones if not phone.is_silence]
    assert disagreement_ms(ours, exact) <= 15
    assert found.trusted


def test_another_text_is_not_trusted() -> None:
    pytest.importorskip("pocketsphinx", reason='pip install "liptwin[align]"')
    spoken = synthesise("Mañana llueve, voy a jugar con mi abuela hasta la noche.", "es")
    with contextlib.suppress(AlignmentError):  # not found at all is as good
        assert not align(spoken.audio, "Seventeen old judges went fishing in thick fog.").trusted


def test_warping_undoes_a_change_of_speed() -> None:
    slow, fast = (synthesise(SENTENCES["en-us"], "en-us", rate_wpm=r) for r in (130, 200))
    warped = warp(slow.audio, fast.audio)
    apart = [
        abs(warped(one.start_s) - other.start_s)
        for one, other in zip(slow.phones, fast.phones, strict=False)
        if one.ipa == other.ipa
    ]
    assert len(apart) > 30
    assert np.median(apart) < 0.03


def test_warping_onto_itself_changes_nothing() -> None:
    audio = synthesise("One two three.").audio
    warped = warp(audio, audio)
    for time_s in (0.1, 0.25, 0.5):
        assert warped(time_s) == pytest.approx(time_s, abs=0.011)


def test_disagreement_leaves_a_constant_offset_out() -> None:
    one = [Phone(ipa, 0.1 * k, 0.1 * k + 0.1) for k, ipa in enumerate("abcdef")]
    other = [Phone(p.ipa, p.start_s + 0.5, p.end_s + 0.5) for p in one]
    assert disagreement_ms(one, other) == pytest.approx(0, abs=1e-6)
    assert disagreement_ms(one, []) == np.inf


def test_every_phone_has_sounds_of_the_model() -> None:
    assert all(re.fullmatch(r"[A-Z]{1,2}", sound) for sound in SOUNDS)
    assert len(SOUNDS) == 39  # Carnegie Mellon's pronouncing dictionary has so many
    assert arpabet("tʃ") == ["CH"]
    assert arpabet("ɑːɹ") == ["AA", "R"]
    assert arpabet("m̩") == ["M"]
    assert arpabet("ts") == ["T", "S"]


@pytest.mark.parametrize(
    ("seconds", "rate_hz", "text", "problem"),
    [
        (1, 8000, "hello", "must be at 16000 Hz, not 8000"),
        (61, 16000, "hello", "at most 60 can be aligned"),
        (1, 16000, " ... ", "there are no words"),
    ],
)
def test_what_cannot_be_aligned(seconds: int, rate_hz: int, text: str, problem: str) -> None:
    audio = Audio(np.zeros(seconds * rate_hz, np.float32), rate_hz, "quiet.wav")
    with pytest.raises(AlignmentError, match=problem):
        align(audio, text)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pocketsphinx", reason='pip install "liptwin[align]"')
    sound, phones = tmp_path / "a.wav", tmp_path / "a.csv"
    write_wav(sound, synthesise("A paper pepper.").audio)
    with pytest.raises(SystemExit) as leaving:
        main(["align", str(sound), "--text", "A paper pepper.", "-o", str(phones)])
    assert leaving.value.code in (0, None)
    assert [phone.ipa for phone in read_phones_csv(phones)].count("p") == 4
    assert "two aligners differ by" in capsys.readouterr().out
    with pytest.raises(SystemExit) as leaving:
        main(["align", str(sound), "--text", "...", "-o", str(phones)])
    assert leaving.value.code == 2
