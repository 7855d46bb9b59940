"""Windows around the frames of a sound that comes in blocks of any size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from envs.speech.decoding import AudioError
from envs.speech.frames import check_rate, frame_count, frame_samples

LIVE_BLOCK_S = 0.005
"""How much of live sound is heard at a time: what comes in longer blocks is heard later by as much,
and shorter ones cost more. `benchmarks.live` compares it with a whole frame at 30 per second."""

_PIECE_SAMPLES = 16_384


class FrameWindows:
    """Cuts windows of samples, each centred on the time of a frame.

    What comes out does not depend on how the sound was cut into blocks. Beyond both ends of the
    sound there is silence. A frame comes out once its window is full and the sound is long enough
    for it to be one of the `frame_count` frames: at most `look_ahead_s` after its time.

    Args:
        width: samples in a window; sample width // 2 of it is the one nearest to the frame's time.
        rate_hz: samples per second.
        fps: frames per second.

    Raises:
        ValueError: a width or a sample rate that is not positive, or a frame rate outside
            `envs.speech.frames.FPS_RANGE`.
    """

    def __init__(self, width: int, rate_hz: int, fps: float) -> None:
        if width < 1 or rate_hz < 1:
            raise ValueError(f"width and rate_hz must be positive, not {width} and {rate_hz}")
        check_rate(fps)
        self._width, self._rate_hz, self._fps = width, rate_hz, fps
        self._heard = 0
        self._next_frame = 0
        self._kept = np.zeros(width // 2, np.float32)
        self._kept_from = -(width // 2)
        self._due = self._kept_from + width
        self._finished = False

    @property
    def look_ahead_s(self) -> float:
        """How long after its time a frame comes out: half a window, or half a frame if longer."""
        return max((self._width - self._width // 2) / self._rate_hz, 0.5 / self._fps)

    def push(self, samples: NDArray[np.floating]) -> Iterator[NDArray[np.float32]]:
        """Take the next samples and give the windows (m, width) that they complete, m >= 0.

        A thousand or so are given at a time; take them all, and only then push again.

        Args:
            samples: (n,) of floats in [-1, 1], n >= 0.

        Raises:
            AudioError: they are not that, or the sound was finished; they are then not taken.
        """
        if self._finished:
            raise AudioError("the sound was finished; start another stream for the next one")
        _check_samples(samples, self._heard)
        return self._push(samples)

    def finish(self) -> Iterator[NDArray[np.float32]]:
        """Give the windows of the last frames; none at all where nothing was heard.

        Raises:
            AudioError: the sound was finished before.
        """
        if self._finished:
            raise AudioError("the sound was finished; start another stream for the next one")
        self._finished = True
        if self._heard == 0:
            return
        self._keep(np.zeros(self._width, np.float32))
        yield from self._complete(self._frame_count())

    def _push(self, samples: NDArray[np.floating]) -> Iterator[NDArray[np.float32]]:
        for first in range(0, len(samples), _PIECE_SAMPLES):
            piece = samples[first : first + _PIECE_SAMPLES]
            self._heard += len(piece)
            self._keep(piece)
            if self._heard < self._due:
                continue
            last = self._frame_count()
            ends = self._starts(self._next_frame, last) + self._width
            yield from self._complete(self._next_frame + int(np.sum(ends <= self._heard)))

    def _frame_count(self) -> int:
        return frame_count(self._heard / self._rate_hz, self._fps)

    def _starts(self, first: int, last: int) -> NDArray[np.int64]:
        return frame_samples(first, last, self._fps, self._rate_hz) - self._width // 2

    def _keep(self, samples: NDArray[np.floating]) -> None:
        self._kept = np.concatenate([self._kept, samples.astype(np.float32)])

    def _complete(self, last: int) -> Iterator[NDArray[np.float32]]:
        """The windows of the frames from the next one to `last` - 1; forget what they leave."""
        if last > self._next_frame:
            starts = self._starts(self._next_frame, last) - self._kept_from
            windows = np.lib.stride_tricks.sliding_window_view(self._kept, self._width)
            self._next_frame = last
            yield windows[starts]
        next_start = int(self._starts(last, last + 1)[0])
        self._due = next_start + self._width
        done = min(max(next_start - self._kept_from, 0), len(self._kept))
        self._kept, self._kept_from = self._kept[done:], self._kept_from + done


def _check_samples(samples: NDArray[np.floating], heard: int) -> None:
    if samples.ndim != 1 or not np.issubdtype(samples.dtype, np.floating):
        raise AudioError(
            f"samples must be one row of floats in [-1, 1], not {samples.dtype} of shape "
            f"{samples.shape}"
        )
    wrong = ~(np.abs(samples) <= 1.0)
    if np.any(wrong):
        bad = int(np.argmax(wrong))
        raise AudioError(f"sample {heard + bad} is {samples[bad]}; samples must lie in [-1, 1]")
