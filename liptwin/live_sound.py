"""Sound that arrives on a pipe: raw samples, or those of a WAV file, as they come."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from typing import IO, Final, Protocol, cast

import numpy as np
import soxr
from numpy.typing import NDArray

from envs.speech.audio import SPEECH_RATE_HZ, AudioError
from envs.speech.streaming import LIVE_BLOCK_S

Samples = NDArray[np.float32]

RATE_RANGE_HZ: Final = (8_000, 192_000)
"""Sample rates that make sense: less cuts speech, more is in no use."""

_SAMPLE_BYTES: Final = 2
_FULL_SCALE: Final = 32_768.0
_ADVICE: Final = (
    "send signed 16-bit little-endian samples, as of ffmpeg -i SOUND -f s16le -ac 1 -ar 16000 -"
)


class Pipe(Protocol):
    """What buffered readers can do."""

    def read(self, size: int, /) -> bytes:
        """So many bytes, fewer only at the end."""

    def read1(self, size: int, /) -> bytes:
        """Bytes that are there, at most so many; none only at the end."""


class LiveSound:
    """Mono sound at `SPEECH_RATE_HZ` from a pipe.

    The pipe carries signed 16-bit little-endian samples: bare ones in one channel, or a WAV file,
    which is known by its first bytes and tells its own rate and channels.

    Args:
        pipe: where it comes from.
        rate_hz: samples per second; None for `SPEECH_RATE_HZ`, or what the WAV file says.

    Raises:
        AudioError: nothing comes, or a WAV file of another kind or rate.
    """

    def __init__(self, pipe: Pipe, rate_hz: int | None = None) -> None:
        self._pipe = pipe
        self._head = pipe.read(4)
        if not self._head:
            raise AudioError(f"no sound arrived on standard input; {_ADVICE}")
        self._channels = 1
        self._left_bytes: int | None = None
        self.rate_hz = rate_hz if rate_hz is not None else SPEECH_RATE_HZ
        """Samples per second that arrive."""
        self.delay_s = 0.0
        """How long samples were held back at most to bring them to `SPEECH_RATE_HZ`."""
        if self._head == b"RIFF":
            self._read_header(rate_hz)
        low, high = RATE_RANGE_HZ
        if not low <= self.rate_hz <= high:
            raise AudioError(f"{self.rate_hz} samples a second: give {low} to {high}")

    def blocks(self) -> Iterator[Samples]:
        """The samples (n,) in [-1, 1] as they come, once.

        Raises:
            AudioError: the pipe ended within a sample.
        """
        if self.rate_hz == SPEECH_RATE_HZ:
            yield from self._arriving()
            return
        resampler = soxr.ResampleStream(self.rate_hz, SPEECH_RATE_HZ, 1, dtype="float32")
        came = went = 0
        for block in self._arriving():
            resampled = resampler.resample_chunk(block)
            came, went = came + len(block), went + len(resampled)
            self.delay_s = max(self.delay_s, came / self.rate_hz - went / SPEECH_RATE_HZ)
            yield np.clip(resampled, -1.0, 1.0)  # resampling can overshoot full scale
        last = resampler.resample_chunk(np.zeros(0, np.float32), last=True)
        yield np.clip(last, -1.0, 1.0)

    def _read_header(self, rate_hz: int | None) -> None:
        """Of a WAV file whose first four bytes are read; leaves the pipe at its first sample."""
        try:
            # A program that writes to a pipe cannot know how long the file will be.
            self._pipe.read(4)
            rejoined = cast(IO[bytes], _Rejoined(b"RIFF\xff\xff\xff\xff", self._pipe))
            header = wave.open(rejoined)  # noqa: SIM115
        except (wave.Error, EOFError) as error:
            raise AudioError(
                f"standard input: a WAV file that is damaged or of another kind ({error}); "
                f"{_ADVICE}"
            ) from error
        if header.getsampwidth() != _SAMPLE_BYTES:
            raise AudioError(
                f"standard input: a WAV file of {8 * header.getsampwidth()}-bit samples; {_ADVICE}"
            )
        if rate_hz is not None and rate_hz != header.getframerate():
            raise AudioError(
                f"standard input: a WAV file at {header.getframerate()} Hz; leave out "
                f"--rate {rate_hz}"
            )
        self._head = b""
        self._channels = header.getnchannels()
        self._left_bytes = header.getnframes() * self._channels * _SAMPLE_BYTES or None
        self.rate_hz = header.getframerate()

    def _arriving(self) -> Iterator[Samples]:
        """Samples (n,) at the rate at which they arrive."""
        width = self._channels * _SAMPLE_BYTES
        at_once = max(1, round(LIVE_BLOCK_S * self.rate_hz)) * width
        data = more = self._head or self._next_bytes(at_once)
        while more:
            whole = len(data) - len(data) % width
            if whole:
                yield _mono(data[:whole], self._channels)
            data = data[whole:]
            more = self._next_bytes(at_once - len(data))
            data += more
        if data:
            raise AudioError(f"standard input: ended within a sample of {width} bytes; {_ADVICE}")

    def _next_bytes(self, size: int) -> bytes:
        if self._left_bytes is None:
            return self._pipe.read1(size)
        more = self._pipe.read1(min(size, self._left_bytes))
        self._left_bytes -= len(more)
        return more


class _Rejoined:
    """A pipe with bytes put back in front."""

    def __init__(self, head: bytes, pipe: Pipe) -> None:
        self._head = head
        self._pipe = pipe

    def read(self, size: int) -> bytes:
        head, self._head = self._head[:size], self._head[size:]
        return head + self._pipe.read(size - len(head))


def _mono(data: bytes, channels: int) -> Samples:
    samples = np.frombuffer(data, "<i2").reshape(-1, channels)
    return samples.mean(axis=1, dtype=np.float32) / np.float32(_FULL_SCALE)
