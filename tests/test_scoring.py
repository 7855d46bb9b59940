"""The scorer: right about lips that are right, and about each way to be wrong."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from envs.speech import SILENCE, Phone
from envs.speech.articulation import articulate
from envs.speech.audio import Audio, load_audio, write_wav
from envs.speech.captures import Capture, read_capture_csv
from envs.speech.loudness import loudness
from envs.speech.measured import COLUMNS, MeasuredLips, measured, read_measurements_csv
from envs.speech.scoring import Count, jerk, score, score_capture, score_phones
from envs.speech.synchrony import Synchrony, pearson, synchrony
from envs.speech.tables import TableError
from envs.speech.timeline import read_phones_csv, write_phones_csv
from liptwin.main import main
from liptwin.production import MEASUREMENT_COLUMNS
from policies import AmplitudePolicy, Speech

SAID = (
    "_", "b", "ɑː", "m", "_", "s", "uː", "f", "i", "w", "ɛ", "p", "ə", "ʃ", "iː", "v", "oʊ", "k",
    "æ", "t", "_", "i", "m", "u", "b", "ɪ", "_",
)  # fmt: skip
HUMANS = Path(__file__).parents[2] / "shared" / "human_speech"
TAKES = {"1114_2_01": (0.78, 0.40), "1114_3_15": (0.62, 0.46)}
"""Correlation of a loudness baseline with jawOpen and with rounding, from the takes' benchmark."""

PHONES = tuple(Phone(ipa, 0.11 * k, 0.11 * (k + 1)) for k, ipa in enumerate(SAID))


def good_lips(fps: float = 60.0) -> MeasuredLips:
    return measured(articulate(PHONES, fps))


def test_wanted_lips_score_full_marks() -> None:
    found = score_phones(good_lips(), PHONES)
    assert found.closures == Count(5, 5)
    assert found.labiodentals == Count(2, 2)
    assert found.false_in_vowels.hits == found.false_near_consonants.hits == 0
    assert found.false_in_vowels.total == 12  # a diphthong counts twice
    assert found.false_near_consonants.total == 7
    assert found.rounding_auc == 1
    assert found.openness_rank is not None and found.openness_rank > 0.8
    assert found.timing is not None and found.timing.lag_ms == 0
    assert found.timing.verdict == "not noticed"


def test_a_shut_mouth_is_not_good_at_closures_only() -> None:
    lips = good_lips()
    found = score_phones(replace(lips, lips_touching=np.ones_like(lips.lips_touching)), PHONES)
    assert found.closures.share == found.false_in_vowels.share == 1
    assert found.false_near_consonants.share == 1


def test_a_mouth_that_never_closes() -> None:
    lips = good_lips()
    nothing = np.zeros_like(lips.lips_touching)
    found = score_phones(
        replace(
            lips,
            lips_touching=nothing,
            lower_lip_on_teeth=nothing,
            aperture_mm=np.full_like(lips.aperture_mm, 8),
            protrusion_mm=-lips.protrusion_mm,
            width_mm=100 - lips.width_mm,
        ),
        PHONES,
    )
    assert found.closures == Count(0, 5)
    assert found.labiodentals.share == 0
    assert found.rounding_auc == 0
    assert found.openness_rank is None
    assert found.timing is None


def test_a_closure_outside_the_window_does_not_count() -> None:
    said = (Phone("a", 0.0, 0.5), Phone("m", 0.5, 0.6), Phone("a", 0.6, 1.0))
    lips = measured(articulate(said, 100.0))
    for time_s, hits in ((0.521, 1), (0.579, 1), (0.511, 0), (0.589, 0)):
        touching = np.zeros(100, bool)
        touching[round(time_s * 100)] = True
        assert score_phones(replace(lips, lips_touching=touching), said).closures.hits == hits


@pytest.mark.parametrize(
    ("late_s", "verdict"),
    [
        (0.04, "not noticed"),
        (0.05, "noticed"),
        (0.1, "not acceptable"),
        (-0.12, "not noticed"),
        (-0.13, "noticed"),
        (-0.19, "not acceptable"),
    ],
)
def test_lag_and_its_verdict(late_s: float, verdict: str) -> None:
    said = tuple(replace(p, start_s=p.start_s + 0.5, end_s=p.end_s + 0.5) for p in PHONES)
    moved = tuple(replace(p, start_s=p.start_s + late_s, end_s=p.end_s + late_s) for p in said)
    found = score_phones(measured(articulate(moved, 100.0)), said).timing
    assert found is not None
    assert found.lag_ms == pytest.approx(late_s * 1e3, abs=5)
    assert found.verdict == verdict
    assert found.best_r > found.r


def test_what_was_not_measured_is_left_out() -> None:
    later = Phone("p", 100.0, 100.1)
    assert score_phones(good_lips(), (*PHONES, later)).closures.total == 5


def test_slow_recordings_use_the_nearest_frame() -> None:
    found = score_phones(good_lips(5.0), PHONES)
    assert found.closures.total == 5
    assert found.false_in_vowels.total == 12


def test_lips_against_a_capture() -> None:
    lips = articulate(PHONES, 30.0)
    opening = lips.aperture_mm / 20
    rounding = np.clip((lips.protrusion_mm - lips.width_mm + 50) / 14, 0, 1)
    shapes = {"jawOpen": opening, "mouthPucker": rounding, "mouthFunnel": rounding / 2}
    capture = Capture(lips.times_s, shapes, (), 0)
    found = score_capture(measured(lips), capture)
    assert found.openness is not None and found.openness.r == pytest.approx(1)
    assert found.rounding is not None and found.rounding.r > 0.9
    late = Capture(lips.times_s + 0.1, shapes, (), 0)
    early = score_capture(measured(lips), late).openness
    assert early is not None and early.lag_ms == pytest.approx(-100, abs=5)


def test_no_lag_stands_out() -> None:
    times = np.arange(300) / 30
    rising, falling = times, -times
    for other in (falling, np.random.default_rng(5).uniform(size=300)):
        found = synchrony(times, rising, times, other)
        assert found is not None and found.lag_ms is None and found.verdict is None
    wave = np.sin(times)
    beyond = synchrony(times, wave, times, np.interp(times - 0.5, times, wave))
    assert beyond is not None and beyond.lag_ms is None


def lips_like(rng: np.random.Generator, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """A random curve of 2 to 7 Hz, as lips have in speech."""
    hz = rng.uniform(2.0, 7.0, 20)
    phases = rng.uniform(0.0, 2 * np.pi, 20)
    return np.asarray(np.cos(2 * np.pi * hz * times[:, None] + phases).sum(axis=1))


@pytest.mark.parametrize("seconds", [2.0, 4.0, 8.0])
def test_curves_that_have_nothing_in_common_seldom_have_a_lag(seconds: float) -> None:
    rng, times = np.random.default_rng(7), np.arange(round(seconds * 30)) / 30
    pairs = [(lips_like(rng, times), lips_like(rng, times)) for _ in range(100)]
    found = [synchrony(times, one, times, other) for one, other in pairs]
    assert sum(each is not None and each.lag_ms is not None for each in found) <= 12


@pytest.mark.parametrize("late_s", [0.0, 0.04, -0.1])
def test_the_lag_is_not_that_of_the_next_syllable(late_s: float) -> None:
    """Syllables every 250 ms; by chance those one later correlate a little better."""
    times = np.arange(120) / 30
    wanted = np.sin(2 * np.pi * 4 * times) + 0.2 * lips_like(np.random.default_rng(1), times)
    nearer = np.interp(times - late_s, times, wanted)
    further = np.interp(times - late_s - 0.25, times, wanted)
    found = synchrony(times, 0.48 * nearer + 0.52 * further, times, wanted)
    assert found is not None and found.lag_ms == pytest.approx(late_s * 1e3, abs=15)


def test_jerk() -> None:
    lips = good_lips(100.0)
    cubic = 1e3 * (lips.times_s**3) / 6
    assert jerk(replace(lips, aperture_mm=cubic)) == pytest.approx(1.0)
    row, flags = np.arange(3.0), np.zeros(3, dtype=np.bool_)
    assert jerk(MeasuredLips(row, row, row, row, row, flags, flags)) is None


def test_too_little_to_say() -> None:
    times = np.arange(10) / 30
    assert synchrony(times, times, times, times) is None
    long = np.arange(100) / 30
    assert synchrony(long, np.zeros(100), long, long) is None
    assert pearson(long, long * 0) is None
    silent = score_phones(good_lips(), (Phone(SILENCE, 0.0, 1.0),))
    assert silent.closures == Count(0, 0) and silent.closures.share is None
    assert silent.rounding_auc is None


@pytest.mark.skipif(not HUMANS.is_dir(), reason="the captured takes are not here")
@pytest.mark.parametrize("take", TAKES)
def test_the_amplitude_baseline_on_captured_humans(take: str) -> None:
    capture = read_capture_csv(HUMANS / f"{take}.csv")
    audio = load_audio(HUMANS / f"{take}.flac")
    expected = TAKES[take]
    n = capture.times_s.size
    jaw = AmplitudePolicy().commands(Speech(audio), 30.0)[:n, 0]
    for curve in (loudness(audio, 30.0)[:n], jaw):
        assert pearson(curve, capture.shapes["jawOpen"][: curve.size]) == pytest.approx(
            expected[0], abs=0.03
        )
        assert pearson(curve, capture.rounding[: curve.size]) == pytest.approx(
            expected[1], abs=0.03
        )


@pytest.mark.skipif(not HUMANS.is_dir(), reason="the captured takes are not here")
@pytest.mark.parametrize("take", TAKES)
def test_captured_lips_follow_their_own_capture(take: str) -> None:
    capture = read_capture_csv(HUMANS / f"{take}.csv")
    found = score_capture(measured(capture.lips()), capture)
    for part in (found.openness, found.rounding):
        assert isinstance(part, Synchrony)
        assert part.r > 0.9
        assert part.lag_ms == 0


def write_lips(path: Path, lips: MeasuredLips) -> Path:
    rows = [",".join(COLUMNS)]
    for k, time_s in enumerate(lips.times_s):
        numbers = [time_s, *(getattr(lips, name)[k] for name in COLUMNS[1:5])]
        flags = (lips.lips_touching[k], lips.lower_lip_on_teeth[k])
        rows.append(",".join([*(f"{x:.6f}" for x in numbers), *(str(int(x)) for x in flags)]))
    path.write_text("\n".join(rows) + "\n")
    return path


def test_measurements_survive_their_file(tmp_path: Path) -> None:
    lips = good_lips()
    again = read_measurements_csv(write_lips(tmp_path / "lips.csv", lips))
    for name in COLUMNS[1:]:
        np.testing.assert_allclose(getattr(again, name), getattr(lips, name), atol=1e-6)
    np.testing.assert_allclose(again.times_s, lips.times_s, atol=1e-6)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("0,1,50,0,0,2,0", "line 2, lips_touching: '2' is neither 0 nor 1"),
        ("0,wide,50,0,0,0,0", "line 2, aperture_mm: 'wide' is not a finite number"),
        ("0,1,50,0,0,0", "line 2: has 6 values, the header has 7"),
    ],
)
def test_wrong_measurements_are_named(tmp_path: Path, row: str, problem: str) -> None:
    path = tmp_path / "lips.csv"
    path.write_text(",".join(COLUMNS) + f"\n{row}\n")
    with pytest.raises(TableError, match=re.escape(problem)):
        read_measurements_csv(path)


lengths = st.lists(st.tuples(st.floats(0.001, 5), st.sampled_from(SAID)), min_size=1, max_size=20)


@given(lengths)
def test_timelines_survive_their_file(
    tmp_path_factory: pytest.TempPathFactory, spans: list[tuple[float, str]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "phones.csv"
    ends = np.cumsum([length for length, _ in spans])
    phones = [
        Phone(ipa, float(end - length), float(end))
        for (length, ipa), end in zip(spans, ends, strict=True)
    ]
    write_phones_csv(path, phones)
    again = read_phones_csv(path)
    assert [phone.ipa for phone in again] == [phone.ipa for phone in phones]
    for one, other in zip(again, phones, strict=True):
        assert one.start_s == pytest.approx(other.start_s, abs=3e-6)
        assert one.end_s == pytest.approx(other.end_s, abs=3e-6)


@given(st.text(max_size=200).map(lambda text: f"start_s,end_s,ipa\n{text}"))
def test_any_text_is_a_timeline_or_a_named_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any_phones.csv"
    path.write_bytes(text.encode("utf-8", errors="surrogatepass"))
    message = ""
    try:
        assert read_phones_csv(path)
    except TableError as error:
        message = str(error)
    assert not message or str(path) in message


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("0,0.1,a\n0.05,0.2,b", "line 3, start_s: 0.05 is before 0.1; phones must not overlap"),
        ("0.1,0.1,a", "line 2, end_s: 0.1 does not come after start_s 0.1"),
        ("-1,0.1,a", "line 2, start_s: -1.0 is before 0.0"),
        ("0,0.1,", "line 2, ipa: is empty; write _ for a pause"),
        ("0,0.1,a\n\n0.1,0.2,b", "line 3: is blank; remove it"),
        ("0,inf,a", "line 2, end_s: 'inf' is not a finite number"),
    ],
)
def test_wrong_timelines_are_named(tmp_path: Path, rows: str, problem: str) -> None:
    path = tmp_path / "phones.csv"
    path.write_text(f"start_s,end_s,ipa\n{rows}\n")
    with pytest.raises(TableError, match=re.escape(problem)):
        read_phones_csv(path)


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as leaving:
        main(["score", *map(str, arguments)])
    return int(leaving.value.code or 0)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lips, phones, figures = (tmp_path / name for name in ("l.csv", "p.csv", "f.json"))
    write_lips(lips, good_lips())
    write_phones_csv(phones, PHONES)
    assert run(lips, "--phones", phones, "--json", figures) == 0
    said = capsys.readouterr().out
    assert re.search(r"closed at p b m\s+100.0%\s+5 of 5", said)
    assert "not noticed (BT.1359)" in said
    found = json.loads(figures.read_text())
    assert found["phones"]["closures"] == {"hits": 5, "total": 5}
    assert found["phones"]["timing"]["verdict"] == "not noticed"
    assert found["capture"] is None


def test_the_command_refuses_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lips, phones, strange = (tmp_path / name for name in ("l.csv", "p.csv", "s.csv"))
    write_lips(lips, good_lips())
    write_phones_csv(phones, PHONES)
    write_phones_csv(strange, [Phone("☃", 0.0, 1.0)])
    refusals: dict[str, list[str | Path]] = {
        "say what to score against": [lips],
        "cannot be read": [tmp_path / "none.csv", "--phones", phones],
        "line 1: columns missing: 'time_s', 'aperture_mm'": [phones, "--phones", phones],
        "the lips know nothing of these sounds: '☃' (U+2603)": [lips, "--phones", strange],
        "is this a file of ARKit blend shapes?": [lips, "--capture", phones],
        "no such file": [lips, "--phones", phones, "--audio", tmp_path / "none.wav"],
        "must end in .json": [lips, "--phones", phones, "--json", tmp_path / "a.txt"],
    }
    for message, arguments in refusals.items():
        assert run(*arguments) == 2
        said = capsys.readouterr()
        assert message in said.err
        assert "Traceback" not in said.err


def test_from_a_text_to_a_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("espeakng_loader")
    lips, phones = tmp_path / "l.csv", tmp_path / "p.csv"
    with pytest.raises(SystemExit) as leaving:
        main(
            ["speak", "--text", "papa", "--measurements", str(lips), "--write-phones", str(phones)]
        )
    assert leaving.value.code in (0, None)
    assert [phone.ipa for phone in read_phones_csv(phones)].count("p") == 2
    assert run(lips, "--phones", phones) == 0
    assert "of 2" in capsys.readouterr().out


def test_phones_of_a_recording_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound, phones = tmp_path / "a.wav", tmp_path / "p.csv"
    write_wav(sound, Audio(np.zeros(8000, np.float32), 16_000, "silence"))
    with pytest.raises(SystemExit) as leaving:
        main(["speak", str(sound), "--write-phones", str(phones)])
    assert leaving.value.code == 2
    assert "--write-phones goes with --text" in capsys.readouterr().err
    assert not phones.exists()


def test_measurements_are_what_the_command_line_writes() -> None:
    assert COLUMNS == MEASUREMENT_COLUMNS


def test_all_at_once() -> None:
    lips = articulate(PHONES, 30.0)
    shapes = dict.fromkeys(("jawOpen", "mouthPucker", "mouthFunnel"), lips.aperture_mm / 20)
    found = score(measured(lips), PHONES, Capture(lips.times_s, shapes, (), 0))
    assert found.phones is not None and found.capture is not None
    assert found.loudness is None
    assert found.jerk_m_s3 is not None and found.jerk_m_s3 > 0
