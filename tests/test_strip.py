"""The strip under the videos: what runs past the line is what is heard there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from envs.speech import Audio, Phone
from envs.speech.inventory import TABLE_FILE
from liptwin.options import View
from liptwin.panels import over_strip, side_by_side, strip_height
from liptwin.strip import SpeechStrip, font

WIDTH, HEIGHT = 400, 80
RATE_HZ = 16_000


def beep(from_s: float, to_s: float, duration_s: float = 2.0) -> Audio:
    times = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    samples = 0.5 * np.sin(2 * np.pi * 440 * times) * ((times >= from_s) & (times < to_s))
    return Audio(samples.astype(np.float32), RATE_HZ, "beep")


def wave_height(picture: NDArray[np.uint8], column: int) -> int:
    """Rows of a column that have the colour of the waveform."""
    red, _, blue = (picture[:, column, k].astype(int) for k in range(3))
    return int(((blue - red) > 60).sum())


def test_the_middle_is_now() -> None:
    strip = SpeechStrip(beep(1.0, 1.5), (), WIDTH, HEIGHT)
    beside = WIDTH // 2 + 4
    assert strip.picture(0.5).shape == (HEIGHT, WIDTH, 3)
    assert wave_height(strip.picture(0.5), beside) <= 3
    assert wave_height(strip.picture(1.2), beside) > HEIGHT / 2
    assert wave_height(strip.picture(1.7), beside) <= 3


def test_beyond_the_sound_there_is_nothing() -> None:
    strip = SpeechStrip(beep(0.0, 2.0), (), WIDTH, HEIGHT)
    assert wave_height(strip.picture(0.0), 10) == 0
    assert wave_height(strip.picture(0.0), WIDTH - 10) > HEIGHT / 2
    assert wave_height(strip.picture(2.0), WIDTH - 10) == 0


def test_phones_stand_at_their_times() -> None:
    phones = (Phone("_", 0.0, 1.0), Phone("m", 1.0, 1.4), Phone("_", 1.4, 2.0))
    strip = SpeechStrip(beep(1.0, 1.4), phones, WIDTH, HEIGHT)
    lane = slice(round(0.65 * HEIGHT), HEIGHT)

    def lettered(time_s: float) -> bool:
        middle = strip.picture(time_s)[lane, WIDTH // 2 - 20 : WIDTH // 2 + 20].astype(int)
        return bool((middle.min(axis=2) > 180).any())

    assert lettered(1.2)
    assert not lettered(0.6)
    assert not lettered(1.8)


def test_a_phone_too_short_for_its_letters_has_none() -> None:
    phones = (Phone("aɪ", 1.0, 1.004),)
    picture = SpeechStrip(beep(0.0, 2.0), phones, WIDTH, HEIGHT).picture(1.0)
    assert not (picture.astype(int).min(axis=2) > 180).any()


def test_every_phonetic_letter_can_be_drawn() -> None:
    text = TABLE_FILE.read_text(encoding="utf-8")
    letters = {c for c in str(yaml.safe_load(text)) if not c.isspace() and c.isprintable()}
    letters -= {c for c in letters if 0x300 <= ord(c) < 0x370}
    drawn = font(24)
    missing = bytes(drawn.getmask("\uffff"))
    assert [c for c in sorted(letters) if bytes(drawn.getmask(c)) == missing] == []


def test_silence_has_a_flat_line() -> None:
    audio = Audio(np.zeros(RATE_HZ, np.float32), RATE_HZ, "silence")
    assert wave_height(SpeechStrip(audio, (), WIDTH, HEIGHT).picture(0.5), 250) <= 2


@pytest.mark.parametrize("size", [(16, 16), (512, 512), (128, 64), (1000, 1080)])
def test_a_strip_is_an_even_number_of_pixels_high(size: tuple[int, int]) -> None:
    height = strip_height(View("portrait", size, "fast"))
    assert height % 2 == 0
    assert 40 <= height <= max(40, size[1] / 6)


def test_panels_stand_in_order_over_their_strip() -> None:
    def plain(colour: int) -> Iterator[NDArray[np.uint8]]:
        for _ in range(3):
            yield np.full((100, 100, 3), colour, dtype=np.uint8)

    strip = SpeechStrip(beep(0.0, 1.0), (), 200, 40)
    panels = side_by_side({"left": plain(50), "right": plain(90)})
    pictures = list(over_strip(panels, strip, 30.0))
    assert [picture.shape for picture in pictures] == [(140, 200, 3)] * 3
    assert (pictures[0][60, :100] == 50).all()
    assert (pictures[0][60, 100:] == 90).all()
    assert pictures[0][:30, :100].max() > 200
    assert not np.array_equal(pictures[0][100:], pictures[2][100:])
    np.testing.assert_array_equal(pictures[1][100:], strip.picture(1 / 30))
