"""The strip under a video: waveform and phones run past a fixed line that is now."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from envs.speech.audio import Sound
    from envs.speech.synthesis import Phone

# DejaVu Sans, cut down to the letters of European languages and the phonetic alphabet, because
# the font that Pillow brings has no phonetic letters.
FONT_FILE: Final = Path(__file__).parent / "fonts" / "DejaVuSans-Phonetic.ttf"

_GROUND = (24, 27, 33)
_WAVE = (112, 164, 214)
_PHONE_GROUNDS = ((49, 55, 66), (63, 70, 83))
_LETTER = (236, 238, 242)
_NOW = (255, 150, 80)

# Of the strip's height: a second's width, the border between waveform and phones, the letters.
_SECOND = 5.0
_WAVE_SHARE = 0.60
_LETTER_SHARE = 0.25
# Letters closer to the edges of their phone than this many pixels are left out.
_MARGIN_PX = 1


@cache
def font(size_px: int) -> ImageFont.FreeTypeFont:
    """The font of all lettering in videos."""
    return ImageFont.truetype(FONT_FILE, size_px)


class SpeechStrip:
    """Draws the strip.

    Args:
        audio: the sound.
        phones: its phones in order of time; empty where they are not known.
        width, height: size in pixels.
    """

    def __init__(self, audio: Sound, phones: Sequence[Phone], width: int, height: int) -> None:
        self._phones = [phone for phone in phones if not phone.is_silence]
        self._starts = np.array([phone.start_s for phone in self._phones])
        self._ends = np.array([phone.end_s for phone in self._phones])
        self._width, self._height = width, height
        self._px_per_s = _SECOND * height
        self._wave_height = round(height * (_WAVE_SHARE if self._phones else 1.0))
        self._peaks = _peaks(audio, self._px_per_s)
        self._font = font(max(8, round(_LETTER_SHARE * height)))

    def picture(self, time_s: float) -> npt.NDArray[np.uint8]:
        """The strip (height, width, 3) at a time; the middle is now."""
        first = round(time_s * self._px_per_s) - self._width // 2
        picture = np.empty((self._height, self._width, 3), dtype=np.uint8)
        picture[:] = _GROUND
        picture[: self._wave_height][self._wave(first)] = _WAVE
        image = Image.fromarray(picture)
        draw = ImageDraw.Draw(image)
        self._draw_phones(draw, first)
        middle = self._width // 2
        draw.line((middle, 0, middle, self._height), fill=_NOW, width=max(1, self._height // 40))
        return np.asarray(image)

    def _wave(self, first: int) -> npt.NDArray[np.bool_]:
        """Where the waveform is (wave height, width), from column `first` of the whole sound."""
        columns = np.arange(first, first + self._width)
        inside = (columns >= 0) & (columns < len(self._peaks))
        peaks = np.where(inside, self._peaks[np.clip(columns, 0, len(self._peaks) - 1)], 0.0)
        half = (self._wave_height - 1) / 2
        distance = np.abs(np.arange(self._wave_height) - half)[:, None]
        return (distance <= np.maximum(0.9 * half * peaks, 0.5)) & inside

    def _draw_phones(self, draw: ImageDraw.ImageDraw, first: int) -> None:
        begin_s, end_s = first / self._px_per_s, (first + self._width) / self._px_per_s
        shown = np.flatnonzero((self._ends > begin_s) & (self._starts < end_s))
        top, bottom = self._wave_height, self._height - 1
        for index in shown:
            phone = self._phones[index]
            left, right = (s * self._px_per_s - first for s in (phone.start_s, phone.end_s))
            draw.rectangle((left, top, right - 1, bottom), fill=_PHONE_GROUNDS[index % 2])
            if draw.textlength(phone.ipa, self._font) <= right - left - 2 * _MARGIN_PX:
                centre = ((left + right) / 2, (top + bottom) / 2)
                draw.text(centre, phone.ipa, fill=_LETTER, font=self._font, anchor="mm")


def _peaks(audio: Sound, px_per_s: float) -> npt.NDArray[np.float32]:
    """Largest magnitude in each column of pixels, relative to that of the whole sound."""
    n_columns = max(1, int(np.ceil(audio.duration_s * px_per_s)))
    starts = np.floor(np.arange(n_columns) * audio.rate_hz / px_per_s).astype(np.int64)
    peaks = np.zeros(n_columns, dtype=np.float32)
    begin = 0
    for block in audio.blocks():
        end = begin + len(block)
        first = int(np.searchsorted(starts, begin, side="right")) - 1
        last = int(np.searchsorted(starts, end))
        within = np.maximum(starts[first:last] - begin, 0)
        heard = np.maximum.reduceat(np.abs(block), within)
        peaks[first:last] = np.maximum(peaks[first:last], heard)
        begin = end
    return np.asarray(peaks / max(float(peaks.max()), 1e-6), dtype=np.float32)
