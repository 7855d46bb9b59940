"""What an evaluation computes: distances, controls, joins, bars, tables, songs, and its page."""

# ruff: noqa: E402 - what needs an extra is imported after asking for it

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

for _module, _extra in (
    ("torch", "learn"),
    ("safetensors", "learn"),
    ("tensorboard", "learn"),
    ("librosa", "learn"),
    ("espeakng_loader", "tts"),
    ("pocketsphinx", "align"),
):
    pytest.importorskip(_module, reason=f"needs {_module}: pip install 'liptwin[{_extra}]'")

from envs.speech import SILENCE, Audio, Phone, articulate
from envs.speech.corpus import AlignedUtterance
from envs.speech.measured import MeasuredLips, measured
from envs.speech.scoring import Count, PhoneScore
from policies.evaluation import materials
from policies.evaluation.bars import Bar, bars
from policies.evaluation.distances import (
    dimension_distances,
    landmark_distances_mm,
    latent_distances,
    random_distances,
    shifted_distances,
    spread,
)
from policies.evaluation.findings import Amount, Controls, Findings, Summary
from policies.evaluation.materials import MaterialError
from policies.evaluation.report import readme, tables
from policies.evaluation.results import FPS, Wanted
from policies.evaluation.scores import jerk_of, joined, lag_ms, lags, score_all
from policies.evaluation.singing import (
    MUSIC_DB,
    accompaniment,
    level,
    stretched_phones,
    sung,
)
from policies.evaluation.streaming import StreamCost
from policies.evaluation.systems import AMPLITUDE, AUDIO_ONLY, METHOD, NEAREST
from policies.evaluation.tables import Cell, Table, figure
from policies.speech import Speech

RAMP = np.repeat(np.arange(4.0)[:, None], 16, axis=1)
"""Latents (4, 16) that go up by 1 in every dimension from frame to frame."""


def test_latent_distance_is_the_mean_over_dimensions_of_squares() -> None:
    np.testing.assert_allclose(latent_distances(RAMP, np.zeros((4, 16))), [0.0, 1.0, 4.0, 9.0])
    one_off = np.zeros((1, 16))
    one_off[0, 3] = 4.0
    np.testing.assert_allclose(latent_distances(one_off, np.zeros((1, 16))), [1.0])
    np.testing.assert_allclose(
        dimension_distances(one_off, np.zeros((1, 16))), 16.0 * (np.arange(16) == 3)
    )


def test_shifts_count_late_and_early_frames() -> None:
    np.testing.assert_allclose(shifted_distances([(RAMP, RAMP)], 1), np.ones(6))
    np.testing.assert_allclose(shifted_distances([(RAMP, RAMP)], 2), np.full(4, 4.0))
    late = RAMP - 1.0  # achieves at frame k what was wanted at k - 1
    np.testing.assert_allclose(shifted_distances([(late, RAMP)], 1), [4.0] * 3 + [0.0] * 3)
    assert shifted_distances([(RAMP, RAMP)], 15).size == 0
    assert shifted_distances([(RAMP, RAMP), (RAMP, RAMP)], 1).size == 12


def test_random_frames_are_drawn_from_all_utterances_and_repeat() -> None:
    far = (RAMP + 100.0, RAMP)
    drawn = random_distances([(RAMP, RAMP), far], seed=3)
    np.testing.assert_array_equal(drawn, random_distances([(RAMP, RAMP), far], seed=3))
    assert drawn.size == 8
    assert drawn.min() < 10.0 and drawn.max() > 9000.0


def test_landmark_distance_is_euclidean() -> None:
    wanted = np.zeros((2, 40, 3))
    achieved = wanted.copy()
    achieved[1] += [3.0, 4.0, 0.0]
    np.testing.assert_allclose(landmark_distances_mm(achieved, wanted), [0.0, 5.0])


def test_spread() -> None:
    found = spread(np.array([1.0, 3.0]))
    assert found is not None
    assert (found.mean, found.std, found.least, found.most, found.frames) == (2, 1, 1, 3, 2)
    assert spread(np.zeros(0)) is None


def test_wanted_aperture_is_read_off_the_inner_lips() -> None:
    from sim.landmarks import ROW

    landmarks = np.zeros((2, 40, 3), np.float32)
    landmarks[0, ROW[13], 2], landmarks[0, ROW[14], 2] = 3.0, -2.0
    landmarks[1, ROW[13], 2] = -1.0
    wanted = Wanted(landmarks, np.zeros((0, 16), np.float32))
    np.testing.assert_allclose(wanted.aperture_mm, [5.0, 0.0])


def said(*ipa: str) -> tuple[MeasuredLips, tuple[Phone, ...]]:
    phones = tuple(Phone(p, 0.2 * k, 0.2 * (k + 1)) for k, p in enumerate(ipa))
    return measured(articulate(phones, FPS)), phones


def test_utterances_are_scored_as_one() -> None:
    first, second = said(SILENCE, "p", "ɑː", "f", SILENCE), said(SILENCE, "b", "iː", SILENCE)
    lips, phones = joined([first, second])
    assert np.all(np.diff(lips.times_s) > 0)
    np.testing.assert_allclose(lips.times_s * FPS, np.round(lips.times_s * FPS), atol=1e-6)
    assert all(a.end_s <= b.start_s + 1e-9 for a, b in pairwise(phones))
    found = score_all([first, second])
    assert found.closures == Count(2, 2)
    assert found.labiodentals == Count(1, 1)
    assert found.false_in_vowels == Count(0, 2)


def moving_lips(n: int, shift: int = 0) -> MeasuredLips:
    frames = np.arange(n)
    aperture = 5.0 + 5.0 * np.sin(2 * np.pi * (frames - shift) / 20.0 + 0.05 * (frames - shift))
    zero, never = np.zeros(n), np.zeros(n, bool)
    return MeasuredLips(frames / FPS, aperture, zero, zero, zero, never, never)


def test_lags() -> None:
    wanted = moving_lips(90).aperture_mm
    assert lag_ms(moving_lips(90, shift=3), wanted) == pytest.approx(100.0, abs=6.0)
    assert lag_ms(moving_lips(90), wanted) == 0.0
    assert lag_ms(moving_lips(50), wanted[:50]) is None, "shorter than two seconds"
    together = lags([None, -40.0, 10.0, 20.0])
    assert together is not None
    assert (together.median, together.least, together.most) == (10.0, -40.0, 20.0)
    assert together.utterances == 3
    assert lags([None]) is None


def test_jerk_of_several_is_weighted_by_length() -> None:
    still = moving_lips(63)
    still = MeasuredLips(still.times_s, *(np.zeros(63),) * 4, *(np.zeros(63, bool),) * 2)
    alone = jerk_of([moving_lips(63)])
    both = jerk_of([moving_lips(63), still])
    assert alone is not None and both is not None
    assert both == pytest.approx(alone / np.sqrt(2))
    assert jerk_of([moving_lips(2)]) is None


@given(st.floats(1e-6, 1e6))
def test_figures_keep_three_digits(value: float) -> None:
    assert "e" not in figure(value)
    assert float(figure(value)) == pytest.approx(value, rel=0.5e-2, abs=0.5)
    if value < 100:
        assert float(figure(value)) == pytest.approx(value, rel=0.51e-2)
    assert figure(-value) == f"-{figure(value)}"


def test_tables_to_read_and_to_compute_with(tmp_path: Path) -> None:
    row: dict[str, Cell] = {
        "lips": "method",
        "closed": Count(9, 10),
        "mm": spread(np.array([1.0, 2.0])),
        "r": None,
    }
    table = Table("small", "A title", "Notes.", (row,))
    table.write(tmp_path)
    text = (tmp_path / "small.md").read_text(encoding="utf-8")
    assert "| method | 9 of 10, 90.0% | 1.50 ± 0.500 | - |" in text
    (read,) = json.loads((tmp_path / "small.json").read_text(encoding="utf-8"))["rows"]
    assert read["closed"] == {"hits": 9, "total": 10, "share": 0.9}
    assert read["mm"]["least"] == 1.0
    assert read["r"] is None
    assert "Nothing was evaluated" in Table("none", "A", "B", ()).markdown()


def test_a_bar() -> None:
    assert Bar("a", 45.0, least=45.0).is_reached is True
    assert Bar("a", 44.9, least=45.0).is_reached is False
    assert Bar("a", 1.6, most=1.5).is_reached is False
    assert Bar("a", None, most=1.5).is_reached is None
    assert Bar("a", 1.6, most=1.5, unit=" mm").sentence == "a: 1.60 mm (wanted: at most 1.50 mm)"


def summary(latent: float, mm: float, closed: int = 95, lag: float = 10.0) -> Summary:
    phones = PhoneScore(
        closures=Count(closed, 100),
        false_in_vowels=Count(3, 100),
        false_near_consonants=Count(10, 100),
        labiodentals=Count(90, 100),
        rounding_auc=0.9,
        openness_rank=0.5,
        timing=None,
    )
    return Summary(
        latent=spread(np.full(4, latent)),
        dimensions=np.full(16, latent),
        landmarks_mm=spread(np.full(4, mm)),
        phones=phones,
        each_lag_ms=(lag, -20.0, None),
        jerk_m_s3=1.0,
    )


def findings() -> Findings:
    half = spread(np.full(4, 0.05))
    controls = Controls({1: half, 15: half}, {1: half, 15: None}, half)
    spoken = {
        METHOD: summary(0.01, 1.0),
        AUDIO_ONLY: summary(0.1, 2.0),
        NEAREST: summary(0.2, 3.0),
        AMPLITUDE: summary(0.5, 4.0),
    }
    sung_lips = {AUDIO_ONLY: summary(0.1, 2.0, closed=80)}
    return Findings(
        sentences=spoken,
        controls={METHOD: controls, AUDIO_ONLY: controls},
        variances=np.full(16, 0.25),
        languages={"en-us": spoken, "fr": {METHOD: summary(0.01, 1.2), AUDIO_ONLY: summary(1, 3)}},
        recorded={"en": spoken, "it": {AUDIO_ONLY: summary(0.1, 2.0, closed=70, lag=50.0)}},
        songs=sung_lips,
        streaming=StreamCost(140.0, 33.3, 2.0, 9.0, 100),
        left_out=("captured humans: none",),
        amounts={"sentences": Amount(20, 56.4)},
        weights={"vae.safetensors": "abc"},
        tried="A deeper network.",
    )


def test_bars_say_what_is_reached() -> None:
    judged = {bar.what: bar for bar in bars(findings())}
    assert len(judged) == len(bars(findings()))

    def found(*words: str) -> Bar:
        (bar,) = [bar for what, bar in judged.items() if all(word in what for word in words)]
        return bar

    ratio = found("given the target", "amplitude")
    assert ratio.found == pytest.approx(50.0) and ratio.is_reached
    assert found("given the target", "nearest").found == pytest.approx(20.0)
    assert not found("given the target", "nearest").is_reached
    assert found("given the target", "against the target").found == pytest.approx(5.0)
    assert found("given the target", "landmarks").found == 1.0
    assert found("audio only", "distance of amplitude").found == pytest.approx(5.0)
    assert found("method", "synthesised (fr)").found == pytest.approx(1.2)
    worst = found("audio only", "synthesised (fr)")
    assert worst.found == pytest.approx(1.5) and not worst.is_reached
    assert found("recorded English", "p b m").is_reached
    assert not found("recorded English", "near other").is_reached
    assert not found("recorded it", "p b m").is_reached
    assert found("recorded it", "near other").is_reached, "other languages have an easier bar"
    assert found("lost by singing").found == pytest.approx(15.0)
    assert found("latest").found == 50.0 and not found("latest").is_reached
    assert found("earliest").found == -20.0
    assert found("compute").is_reached
    assert found("streaming, look-ahead and a block of 33 ms").found == pytest.approx(173.3)
    assert not found("look-ahead and a block").is_reached
    alone = judged["streaming, look-ahead"]
    assert alone.found == 140.0 and not alone.is_reached


def test_the_page_begins_with_what_is_not_reached() -> None:
    page = readme(findings(), "liptwin evaluate", ("languages.png",))
    judged = bars(findings())
    reached = sum(bar.is_reached is True for bar in judged)
    lines = page.splitlines()
    assert lines[0] == f"**{reached} of {len(judged)} bars are reached.**"
    missed = [bar.sentence for bar in judged if bar.is_reached is False]
    assert lines[2] == "Not reached:"
    assert lines[4 : 4 + len(missed)] == [f"- {sentence}" for sentence in missed]
    assert "A deeper network." in page
    assert "captured humans: none" in page
    assert "| sentences | 20 | 56 |" in page
    assert "| vae.safetensors | `abc` |" in page
    for table in tables(findings()):
        assert f"({table.name}.md)" in page


def test_every_row_of_a_table_has_its_columns() -> None:
    for table in tables(findings()):
        assert len({tuple(row) for row in table.rows}) == 1, table.name
        assert table.json()


def test_prompts_and_captures_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "lonely.csv").write_text("time_s\n", encoding="utf-8")
    with pytest.raises(MaterialError, match="holds no captures"):
        list(materials.captures(tmp_path))


def test_fingerprints_follow_sound_and_phones() -> None:
    (one,) = materials.sentences(1)
    (again,) = materials.sentences(1)
    assert one.fingerprint == again.fingerprint
    assert one.speech.phones is not None
    audio = one.speech.audio
    for other in (
        Speech(audio, one.speech.phones[:-1]),
        Speech(Audio(np.zeros(audio.n_samples, np.float32), audio.rate_hz, ""), one.speech.phones),
        Speech(audio, one.speech.phones, articulate(one.speech.phones, FPS)),
    ):
        assert materials.Material("a", "b", other).fingerprint != one.fingerprint


def test_sentences_are_spread_over_the_list() -> None:
    keys = [material.key for material in materials.sentences(3)]
    assert keys == [f"en-us-sentence-{row:02d}" for row in (0, 16, 33)]


def test_stretched_phones_have_no_gaps() -> None:
    phones = [Phone("_", 0.0, 0.1), Phone("a", 0.1, 0.3), Phone("p", 0.3, 0.4)]
    moved = stretched_phones(phones, (1.0, 3.0, 1.5))
    assert [p.ipa for p in moved] == ["_", "a", "p"]
    np.testing.assert_allclose([p.start_s for p in moved], [0.0, 0.1, 0.7])
    np.testing.assert_allclose([p.end_s for p in moved], [0.1, 0.7, 0.85])


def test_music_repeats_and_never_stops() -> None:
    one = accompaniment(32_000, 16_000, np.random.default_rng(1))
    np.testing.assert_array_equal(one, accompaniment(32_000, 16_000, np.random.default_rng(1)))
    blocks = np.sqrt(np.square(one.reshape(-1, 1600)).mean(axis=1))
    assert blocks.min() > 0.1 * blocks.max()


def test_songs_hold_vowels_on_notes() -> None:
    parselmouth = pytest.importorskip(
        "parselmouth", reason="needs parselmouth: pip install 'liptwin[singing]'"
    )
    (spoken,) = materials.sentences(1)
    alone = sung(spoken.speech, seed=0, music_db=-100.0)
    both = sung(spoken.speech, seed=0)
    assert spoken.speech.phones is not None and alone.phones is not None
    assert [p.ipa for p in alone.phones] == [p.ipa for p in spoken.speech.phones]
    assert alone.audio.duration_s > 1.3 * spoken.speech.audio.duration_s
    assert alone.phones[-1].end_s == pytest.approx(alone.audio.duration_s, abs=1e-6)
    again = sung(spoken.speech, seed=0)
    np.testing.assert_array_equal(
        np.concatenate(list(again.audio.blocks())), np.concatenate(list(both.audio.blocks()))
    )
    spans = []
    for one in (spoken.speech, alone):
        heard = np.concatenate(list(one.audio.blocks())).astype(float)
        hz = parselmouth.Sound(heard, 16_000).to_pitch().selected_array["frequency"]
        spans.append(np.ptp(np.percentile(np.log2(hz[hz > 0]), [20, 80])))
    assert spans[1] > spans[0], "a song uses more of its voice"
    voice, mixed = (np.concatenate(list(one.audio.blocks())) for one in (alone, both))
    voice = voice / np.abs(voice).max()
    scale = float(mixed @ voice / (voice @ voice))
    music = mixed - scale * voice
    wanted = 20 * np.log10(level(music) / level(scale * voice))
    assert wanted == pytest.approx(MUSIC_DB, abs=3.5), "the voice pauses, the music does not"


def test_recordings_of_two_languages_that_share_a_name_are_kept_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quiet = Audio(np.zeros(16_000, np.float32), 16_000, "quiet")
    said = (Phone(SILENCE, 0.0, 1.0),)
    found = AlignedUtterance(quiet, said, "million", "en-us", "digits/million", 0.0)
    monkeypatch.setattr(materials, "prompts", lambda *_: iter([found]))
    keys = {next(materials.recorded(language, 1)).key for language in ("en", "es")}
    assert keys == {"en-digits-million", "es-digits-million"}
