"""What the speech encoder learns from: takes, their targets, and a training that goes on."""

# ruff: noqa: E402 - what needs an extra is imported after asking for it

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'liptwin[learn]'")
pytest.importorskip("librosa", reason="needs librosa: pip install 'liptwin[learn]'")
pytest.importorskip("tensorboard", reason="needs tensorboard: pip install 'liptwin[learn]'")

from envs.progress import Progress, untracked
from envs.speech import Phone, write_wav
from envs.speech.audio import SPEECH_RATE_HZ, Audio
from envs.speech.voices import flite
from liptwin.main import main
from policies.learned.speaker import load_networks
from policies.learned.speech_encoder import ENCODER_FPS, N_SHAPE, SpeechEncoder
from policies.training.config import Lessons, SpeechTraining, load_recipe
from policies.training.device import quick_products
from policies.training.speech import english, learning
from policies.training.speech import hearings as hearings_module
from policies.training.speech.disturbances import disturbed, through_a_room
from policies.training.speech.hearings import (
    Hearings,
    captured_hearings,
    heard_of,
    heard_takes,
    in_a_row,
    performed,
    targets_of,
)
from policies.training.speech.learning import CROP_FRAMES, Crops, train_encoder
from policies.training.speech.singing import accompaniment, sung, with_band
from policies.training.speech.strangers import WARP_CHOICES, somebody_else, warp_matrix
from policies.training.speech.takes import (
    CaptureError,
    Take,
    capture_takes,
    joined,
    sittings,
)
from policies.training.speech.targets import SOUNDS, UNKNOWN, contact_moments, sounds_said

WORD = (
    Phone("_", 0.0, 0.2),
    Phone("m", 0.2, 0.3),
    Phone("u", 0.3, 0.6),
    Phone("v", 0.6, 0.7),
    Phone("s", 0.7, 0.9),
    Phone("_", 0.9, 1.2),
)
LESSONS = Lessons(cycles=(1, 1), steps=2, batch=2, learning_rate=1e-3, contacts=3.0, sounds=0.1)
TINY = SpeechTraining(
    espeak_s=1.0,
    espeak_copies=1,
    natural_s=1.0,
    natural_copies=1,
    blended_s=1.0,
    blended_copies=1,
    prompt_copies=1,
    sung=0.2,
    capture_copies=2,
    listening=LESSONS,
    watching=LESSONS,
)

T = TypeVar("T")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other are slow where tests run side by side."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small network is enough."""
    monkeypatch.setattr(SpeechEncoder.__init__, "__defaults__", (8,))


def buzz(phones: tuple[Phone, ...] = WORD, hz: float = 120.0) -> Take:
    """Pulses where somebody speaks."""
    count = round(phones[-1].end_s * SPEECH_RATE_HZ)
    times = np.arange(count) / SPEECH_RATE_HZ
    speaks = np.zeros(count)
    for phone in phones:
        if not phone.is_silence:
            speaks[(times >= phone.start_s) & (times < phone.end_s)] = 1.0
    pulses = np.diff(np.floor(times * hz), prepend=0.0) * speaks
    wave = np.convolve(pulses, np.hanning(40), mode="same")
    return Take("espeak", (0.3 * wave).astype(np.float32), phones)


def write_capture(folder: Path, name: str, seconds: float = 3.0) -> None:
    """A human whose jaw opens and closes, and who hums along."""
    times = np.arange(0.0, seconds, 1 / 30)
    jaw = 0.3 + 0.3 * np.sin(2 * np.pi * 1.5 * times)
    rows = [f"{t:.4f},{j:.4f},0.1,0.2,0.0" for t, j in zip(times, jaw, strict=True)]
    head = "time_s,jawOpen,mouthFunnel,mouthPucker,mouthClose"
    (folder / f"{name}.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    fine = np.arange(round(seconds * SPEECH_RATE_HZ)) / SPEECH_RATE_HZ
    sound = np.interp(fine, times, jaw) * np.sin(2 * np.pi * 150 * fine)
    write_wav(folder / f"{name}.wav", Audio(sound.astype(np.float32), SPEECH_RATE_HZ, name))


def frame(seconds: float) -> int:
    return round(seconds * ENCODER_FPS)


def test_contacts_are_bumps_at_their_sounds_and_nowhere_else() -> None:
    take = buzz()
    targets = targets_of(take, heard_of(take))
    lips, teeth = targets.contacts.T
    assert contact_moments(WORD)[0].tolist() == pytest.approx([0.25])
    assert abs(int(lips.argmax()) - frame(0.25)) <= 1
    assert lips.max() > 0.8
    assert abs(int(teeth.argmax()) - frame(0.65)) <= 1
    assert lips[frame(0.35) :].max() < 0.01 > teeth[: frame(0.55)].max()


def test_opening_is_wanted_behind_a_contact_but_hardly_counts_there() -> None:
    take = buzz()
    targets = targets_of(take, heard_of(take))
    assert targets.weights[frame(0.25), 0] < 0.1
    assert targets.weights[frame(0.45), 0] == 1.0
    assert np.all(targets.weights[:, 1:3] == 1.0)


def test_louder_speech_is_wanted_wider() -> None:
    take = buzz((Phone("_", 0, 0.3), Phone("a", 0.3, 1.2), Phone("_", 1.2, 1.5)))
    heard = heard_of(take)
    louder = heard.copy()
    louder[:, -1] *= 1.3
    soft, loud = (targets_of(take, some).shapes for some in (heard, louder))
    middle = frame(0.75)
    assert loud[middle, 0] > soft[middle, 0] + 0.1
    assert loud[middle, 3] > soft[middle, 3]
    np.testing.assert_array_equal(loud[:, 1:3], soft[:, 1:3])
    assert soft[0, 0] < 0.1


@pytest.mark.parametrize("seed", range(4))
def test_disturbed_phones_stay_where_their_sound_is(seed: int) -> None:
    take = disturbed(buzz(), np.random.default_rng(seed))
    assert take.phones is not None
    assert take.duration_s == pytest.approx(take.phones[-1].end_s, abs=2e-3)
    assert np.all(np.abs(take.samples) <= 1.0)
    vowel = take.phones[2]
    quiet, loud = (
        np.abs(take.samples[int(a * SPEECH_RATE_HZ) : int(b * SPEECH_RATE_HZ)]).mean()
        for a, b in ((0.0, take.phones[0].end_s - 0.03), (vowel.start_s, vowel.end_s))
    )
    assert loud > 1.5 * quiet


def test_a_room_moves_nothing_in_time() -> None:
    take = buzz()
    assert through_a_room(take.samples, np.random.default_rng(0)).shape == take.samples.shape


def test_sung_vowels_are_longer_and_on_notes() -> None:
    take = sung(buzz(), np.random.default_rng(1))
    assert take.phones is not None
    assert [p.ipa for p in take.phones] == [p.ipa for p in WORD]
    longer = [
        (new.end_s - new.start_s) / (old.end_s - old.start_s)
        for new, old in zip(take.phones, WORD, strict=True)
    ]
    assert 1.2 <= longer[2] <= 4.0
    assert all(0.9 <= longer[k] <= 1.4 for k in (1, 3, 4))
    vowel = take.phones[2]
    middle = int((vowel.start_s + vowel.end_s) / 2 * SPEECH_RATE_HZ)
    piece = take.samples[middle - 1600 : middle + 1600].astype(np.float64)
    spectrum = np.fft.irfft(np.abs(np.fft.rfft(piece, 8192)) ** 2)
    period = 20 + int(np.argmax(spectrum[20:200]))
    assert spectrum[period] > 0.4 * spectrum[0]


def test_a_band_plays_as_softly_as_asked() -> None:
    quiet = Take("espeak", buzz().samples * 0.1, WORD)
    band = with_band(quiet, 5.0, np.random.default_rng(0)).samples - quiet.samples
    voice = quiet.samples[np.abs(quiet.samples) > 1e-3]
    below_db = 20 * np.log10(np.sqrt(np.mean(voice**2)) / np.sqrt(np.mean(band**2)))
    assert below_db == pytest.approx(5.0, abs=0.1)
    assert np.isfinite(accompaniment(1000, np.random.default_rng(0))).all()


def test_sittings_hold_every_take_once_and_in_time() -> None:
    takes = [buzz() for _ in range(9)]
    found = list(sittings(takes, np.random.default_rng(0)))
    spoken = [p for take in found for p in take.phones or () if p.ipa == "m"]
    assert len(spoken) == 9
    for take in found:
        heard = heard_of(take)
        assert abs(len(heard) - frame(take.duration_s)) <= 1
        assert take.phones is not None
        assert all(a.end_s <= b.start_s + 1e-9 for a, b in pairwise(take.phones))


def test_what_is_heard_depends_on_the_seed_alone() -> None:
    takes = [buzz(), buzz(hz=200.0)]

    def heard(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return heard_takes(performed(take, 0.5, rng) for take in takes).heard

    np.testing.assert_array_equal(heard(1), heard(1))
    assert heard(1).shape != heard(2).shape or not np.array_equal(heard(1), heard(2))


def test_crops_show_the_targets_of_the_plans_moments() -> None:
    hearings = heard_takes([joined([buzz() for _ in range(6)], np.random.default_rng(0)), buzz()])
    batch = Crops(hearings).draw(16, np.random.default_rng(0))
    plans = batch.shapes.shape[1]
    assert batch.shapes.shape == (16, plans, 4, N_SHAPE) == batch.shape_weights.shape
    assert batch.contacts.shape == batch.contact_weights.shape == (16, plans, 2, 13)
    assert batch.heard.shape == (16, CROP_FRAMES, 41)
    # The moment that is three frames ahead in one plan is two frames ahead in the next.
    torch.testing.assert_close(batch.shapes[:, :-1, 3], batch.shapes[:, 1:, 2])
    torch.testing.assert_close(batch.contacts[:, :-1, :, 3:], batch.contacts[:, 1:, :, :-3])
    assert batch.shape_weights[-1].min() >= 0.0
    encoder = SpeechEncoder()
    shapes, contacts = encoder(batch.heard)
    assert shapes.shape == batch.shapes.shape
    assert contacts.shape == batch.contacts.shape


def test_another_throat_moves_bands_along_the_frequencies() -> None:
    peak = torch.zeros(1, 40)
    peak[0, 20] = 1.0

    def middle(choice: int) -> float:
        moved = (peak @ warp_matrix(choice))[0]
        return float((moved * torch.arange(40.0)).sum() / moved.sum())

    longest, own, shortest = map(middle, (0, WARP_CHOICES // 2, WARP_CHOICES - 1))
    assert own == pytest.approx(20.0, abs=1e-4)
    # Band 20 is at 1886 Hz, from where 7 % more is 58 mel away, and bands are 66 mel apart.
    assert abs(longest - own) == pytest.approx(58 / 66, abs=0.05)
    assert abs(shortest - own) == pytest.approx(58 / 66, abs=0.05)
    assert (longest - own) * (shortest - own) < 0


def test_strangers_say_the_same_as_loudly() -> None:
    heard = torch.from_numpy(heard_of(buzz()))[None].repeat(8, 1, 1)
    other = somebody_else(heard, np.random.default_rng(0))
    assert other.shape == heard.shape
    torch.testing.assert_close(other[..., -1], heard[..., -1])
    assert not torch.allclose(other[0], other[1])
    assert float(other[..., :-1].min()) >= -4.0
    again = somebody_else(heard, np.random.default_rng(0))
    torch.testing.assert_close(again, other)


@pytest.mark.parametrize("epochs", [1, 3], ids=["first network", "second network"])
def test_captured_humans_teach_and_training_goes_on_where_it_stopped(
    tmp_path: Path, epochs: int
) -> None:
    folder = tmp_path / "people"
    folder.mkdir()
    for name in ("one", "two"):
        write_capture(folder, name)
    whole, errors = train_encoder(TINY, 1, tmp_path / "whole", captures=folder)
    assert errors.closures is None
    assert 0.0 < errors.aperture_mm < 20.0

    # The learning rate follows the whole recipe, so an epoch is cut short, not asked for.
    stop = stop_after(epochs * LESSONS.steps)
    with pytest.raises(KeyboardInterrupt):
        train_encoder(TINY, 1, tmp_path / "parts", stop, captures=folder)
    again, _ = train_encoder(TINY, 1, tmp_path / "parts", captures=folder)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, msg=name)
    assert list((tmp_path / "whole" / "logs").rglob("events*"))


def test_networks_learn_the_same_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_capture(tmp_path, "one")
    here, _ = train_encoder(TINY, 1, tmp_path / "here", captures=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        train_encoder(TINY, 1, tmp_path / "apart", stop_after(3), captures=tmp_path, workers=2)
    apart, _ = train_encoder(TINY, 1, tmp_path / "apart", captures=tmp_path, workers=2)
    for name, value in here.state_dict().items():
        torch.testing.assert_close(apart.state_dict()[name], value, msg=name)

    begun: list[object] = []
    monkeypatch.setattr(learning, "side_by_side", lambda tasks, *_: begun.extend(tasks))
    again, _ = train_encoder(TINY, 1, tmp_path / "apart", captures=tmp_path, workers=2)
    assert not begun
    for name, value in apart.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, msg=name)


def stop_after(steps: int) -> Progress:
    """Progress that is interrupted after so many steps."""
    done = 0

    def progress(items: Iterable[T], total: int, description: str) -> Iterator[T]:
        nonlocal done
        for item in items:
            if done == steps:
                raise KeyboardInterrupt
            done += 1
            yield item

    return progress


def test_learning_from_humans_begins_with_an_encoder_that_is_given(tmp_path: Path) -> None:
    write_capture(tmp_path, "one")
    torch.manual_seed(0)
    start = SpeechEncoder()
    before = {name: value.clone() for name, value in start.state_dict().items()}
    slow = LESSONS.model_copy(update={"learning_rate": 1e-9})
    recipe = TINY.model_copy(update={"watching": slow})
    after, _ = train_encoder(recipe, 1, tmp_path / "run", captures=tmp_path, start=start)
    for name, value in after.state_dict().items():
        if "running_" not in name and "num_batches" not in name:  # batch norm's own
            torch.testing.assert_close(value, before[name], atol=1e-6, rtol=0)


def test_captures_in_other_rooms_keep_their_lips(tmp_path: Path) -> None:
    write_capture(tmp_path, "one")
    takes = capture_takes(tmp_path)
    hearings = captured_hearings(takes, copies=3, seed=0)
    assert len(hearings.starts) == 4
    one, two = (hearings.shapes[a:b] for a, b in pairwise(hearings.starts[:3]))
    np.testing.assert_array_equal(one, two)
    first, second = (hearings.heard[a : a + 50] for a in hearings.starts[:2])
    assert not np.array_equal(first, second)


def test_a_folder_without_captures_or_without_sound_says_so(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="there is no capture"):
        capture_takes(tmp_path)
    write_capture(tmp_path, "mute")
    (tmp_path / "mute.wav").unlink()
    with pytest.raises(CaptureError, match="no audio file of the same name"):
        capture_takes(tmp_path)


def test_speech_of_a_folder_is_kept_and_made_again_for_another_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def shares(recipe: SpeechTraining) -> list[english.Share]:
        def takes(*_: object) -> list[Take]:
            made.append("takes")
            return [buzz()]

        return [english.Share("one", takes, 1), english.Share("other", takes, 2)]

    monkeypatch.setattr(hearings_module, "english_shares", shares)
    first = hearings_module.spoken_hearings(TINY, 0, tmp_path)
    again = hearings_module.spoken_hearings(
        TINY.model_copy(update={"capture_copies": 9}), 0, tmp_path
    )
    assert len(made) == 2 and len(first.starts) == 1 + 1 + 2
    np.testing.assert_array_equal(first.heard, again.heard)
    hearings_module.spoken_hearings(TINY.model_copy(update={"sung": 0.9}), 0, tmp_path)
    (tmp_path / "speech.npz").write_bytes(b"damaged")
    hearings_module.spoken_hearings(TINY.model_copy(update={"sung": 0.9}), 0, tmp_path)
    assert len(made) == 3 * 2


def test_all_of_the_recipe_is_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def takes(seconds: float, rng: np.random.Generator) -> Iterator[Take]:
        asked.append(seconds)
        yield buzz()

    asked: list[float] = []
    for maker in ("espeak_takes", "natural_takes", "blended_takes"):
        monkeypatch.setattr(english, maker, takes)
    monkeypatch.setattr(english, "prompt_takes", lambda part, progress: [buzz()])
    recipe = TINY.model_copy(update={"blended_s": 700.0, "blended_copies": 3})
    shares = english.english_shares(recipe)
    for share in shares:
        assert share.takes(np.random.default_rng(0), untracked)
    assert sorted(asked) == pytest.approx([1.0, 1.0, 700 / 3, 700 / 3, 700 / 3])
    assert [share.copies for share in shares if share.name == "blended voices"] == [3, 3, 3]


def test_blends_speak_english_and_nobody_held_out_is_in_them() -> None:
    rng = np.random.default_rng(0)
    voices = [english.blended_voice(rng) for _ in range(400)]
    said = [voice.removeprefix("kokoro:").partition("@") for voice in voices]
    assert {language for *_, language in said} == {"en-us", "en-gb"}
    speakers = [speaker for blend, *_ in said for speaker in blend.split("+")]
    assert {"am_michael", "jm_kumo"}.isdisjoint(speakers) and len(set(speakers)) > 40
    assert np.mean([speaker[0] in "ab" for speaker in speakers]) == pytest.approx(0.75, abs=0.06)
    assert {blend.count("+") for blend, *_ in said} == {0, 1, 2}


def test_some_of_the_synthetic_speakers_have_an_accent(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("espeakng_loader", reason="needs espeak-ng: pip install 'liptwin[tts]'")
    for kind in ("random_text", "nonsense_text"):
        monkeypatch.setattr(english, kind, lambda _: "Ten red birds.")
    monkeypatch.setattr(english, "VARIANTS", ("",))
    takes = list(english.espeak_takes(80.0, np.random.default_rng(0)))
    foreign = [
        bool({"t\u032a", "t\u02b2", "r", "ɾ"} & {p.ipa for p in take.phones or ()})
        for take in takes
    ]
    assert 0.2 < np.mean(foreign) < 0.6


def test_some_of_what_is_said_is_nonsense(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("espeakng_loader", reason="needs espeak-ng: pip install 'liptwin[tts]'")
    monkeypatch.setattr(english, "random_text", lambda _: "sea")
    monkeypatch.setattr(english, "nonsense_text", lambda _: "moo")
    monkeypatch.setattr(english, "ACCENTED", 0.0)
    said = [
        p.ipa[0]
        for take in english.espeak_takes(60.0, np.random.default_rng(0))
        for p in take.phones or ()
    ]
    share = said.count("m") / (said.count("m") + said.count("s"))
    assert share == pytest.approx(english.NONSENSE, abs=0.2)


def test_kinds_that_were_heard_apart_are_put_in_a_row() -> None:
    takes = [buzz(), joined([buzz(), buzz()], np.random.default_rng(0)), buzz()]
    whole = heard_takes(takes)
    parts = in_a_row([heard_takes(takes[:1]), heard_takes(takes[1:])])
    for field in fields(Hearings):
        np.testing.assert_array_equal(getattr(whole, field.name), getattr(parts, field.name))


def test_the_command_leaves_all_that_it_takes_to_speak(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_capture(tmp_path, "one")
    recipe = load_recipe()
    content = recipe.model_copy(update={"speech": TINY}).model_dump(mode="json")
    (tmp_path / "recipe.yaml").write_text(json.dumps(content), encoding="utf-8")
    command = ["train", "speech", str(tmp_path / "run"), "--captures", str(tmp_path)]
    with pytest.raises(SystemExit) as leaving:
        main([*command, "--scratch", "--recipe", str(tmp_path / "recipe.yaml")])
    assert not leaving.value.code
    told = capsys.readouterr().out
    assert "aperture_mm" in told and "closures" not in told  # a capture has no phones
    load_networks(tmp_path / "run")


def test_a_missing_voice_is_told_before_hours_of_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(english, "read_corpus", lambda language: None)
    monkeypatch.setattr(english, "NATURAL_VOICES", {"flite:slt": 1.0})
    monkeypatch.setattr(flite, "remedy", lambda speaker: flite.INSTALL)
    with pytest.raises(SystemExit) as leaving:
        main(["train", "all", str(tmp_path / "run")])
    assert leaving.value.code == 2
    assert "'flite:slt' is not installed: run apt-get install flite" in capsys.readouterr().err
    assert not (tmp_path / "run" / "observed").exists()


def test_sounds_are_known_by_their_time() -> None:
    take = buzz()
    sounds = [SOUNDS[k] for k in targets_of(take, heard_of(take)).sounds]
    said = {"silence": 0.1, "M": 0.25, "UW": 0.45, "V": 0.65, "S": 0.8}
    assert all(sounds[frame(seconds)] == sound for sound, seconds in said.items())
    assert sounds[frame(1.1)] == "silence"


def test_a_phone_of_two_sounds_is_half_of_each() -> None:
    said = sounds_said((Phone("ts", 0.0, 0.2), Phone("_", 0.2, 0.3)), 27)
    assert [SOUNDS[k] for k in said] == ["T"] * 9 + ["S"] * 9 + ["silence"] * 9


def test_what_nobody_knows_is_not_asked_for(tmp_path: Path) -> None:
    write_capture(tmp_path, "one")
    heard = captured_hearings(capture_takes(tmp_path), 1, seed=0)
    assert np.all(heard.sounds == UNKNOWN)
    batch = Crops(heard).draw(2, np.random.default_rng(0))
    assert bool((batch.sounds == UNKNOWN).all())


@pytest.mark.parametrize("able", ["avx512_bf16", "amx_bf16", ""])
def test_products_are_taken_in_bfloat16_only_where_the_processor_does_so(
    monkeypatch: pytest.MonkeyPatch, able: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {able: True, "avx2": True})
    layer = torch.nn.Linear(3, 2)
    with quick_products(torch.device("cpu")):
        product = layer(torch.ones(1, 3))
    assert product.dtype == (torch.bfloat16 if able else torch.float32)
    assert layer.weight.dtype == torch.float32
