"""Sound on this machine's loudspeaker, and the clock that it makes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import soxr

from liptwin.errors import CommandError
from sim2real.deployment.clock import ClockError

if TYPE_CHECKING:
    from envs.speech.audio import Audio

STALLED_S = 1.0
"""A sound device that asks for nothing for this long has stopped; it asks every 10 to 50 ms."""


@dataclass(frozen=True)
class _Anchor:
    """One moment at which it is known what is heard: sample number, the device's time, ours."""

    frame: int
    heard_at_s: float
    noted_at_s: float


class LoudspeakerClock:
    """Plays sound, and tells which moment of it is being heard: a `MediaClock`.

    Each block that the device asks for comes with the time at which its first sample will be heard
    (PortAudio's `outputBufferDacTime`); the time in between is the device's own. After the sound
    there is silence, and time goes on until `stop`.

    Args:
        audio: what to play.

    Raises:
        CommandError: there is no sound device, or it cannot play this.
    """

    def __init__(self, audio: Audio) -> None:
        sounddevice = _sounddevice()
        self._failure: type[Exception] = sounddevice.PortAudioError
        self._next_frame = 0
        self._anchor: _Anchor | None = None
        self._last_s = -np.inf
        self._started_s = time.monotonic()
        self.underflows = 0
        """How often the device ran out of samples, and a click was heard."""
        try:
            self._rate_hz = round(sounddevice.query_devices(kind="output")["default_samplerate"])
            self._stream = sounddevice.OutputStream(
                samplerate=self._rate_hz,
                channels=1,
                dtype="float32",
                latency="high",  # no clicks; the clock knows when a sample is heard
                callback=self._fill,
            )
        except (sounddevice.PortAudioError, ValueError) as error:
            raise CommandError(
                f"no sound can be played here ({error}); plug a sound device in, choose it as the "
                "system's default, or leave out --audio",
                exit_status=1,
            ) from error
        samples = soxr.resample(audio.samples, audio.rate_hz, self._rate_hz)
        self._samples = np.clip(samples, -1.0, 1.0).reshape(-1, 1)

    def start(self) -> None:
        """Begin to play."""
        self._started_s = time.monotonic()
        try:
            self._stream.start()
        except self._failure as error:
            raise ClockError(f"the sound device does not start ({error}); check it") from error

    def time_s(self) -> float:
        """Seconds of the sound; negative before its first sample is heard."""
        anchor = self._anchor
        silent_s = time.monotonic() - (anchor.noted_at_s if anchor else self._started_s)
        if silent_s > STALLED_S:
            raise ClockError(
                f"the sound device has asked for nothing for {silent_s:.1f} s; "
                "check it, and what else uses it"
            )
        if anchor is None:
            return -float(self._stream.latency)
        try:
            device_s = self._stream.time
        except self._failure as error:
            raise ClockError(f"the sound device has failed ({error}); check it") from error
        now_s = anchor.frame / self._rate_hz + device_s - anchor.heard_at_s
        self._last_s = max(self._last_s, now_s)
        return float(self._last_s)

    def stop(self) -> None:
        """Silence, at once."""
        self._stream.close(ignore_errors=True)

    def notes(self) -> list[str]:
        """How often a click was heard."""
        if not self.underflows:
            return []
        return [f"the sound was interrupted {self.underflows} times; the computer is too busy"]

    def _fill(self, block: Any, frames: int, times: Any, status: Any) -> None:
        """PortAudio's callback, in a thread of its own: the next samples."""
        self.underflows += bool(status.output_underflow)
        part = self._samples[self._next_frame : self._next_frame + frames]
        block[: len(part)] = part
        block[len(part) :] = 0.0
        heard_at_s = times.outputBufferDacTime or times.currentTime + self._stream.latency
        self._anchor = _Anchor(self._next_frame, heard_at_s, time.monotonic())
        self._next_frame += frames


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError as error:
        raise CommandError(
            "playing sound needs the package sounddevice; pip install 'liptwin[audio]', "
            "or leave out --audio",
            exit_status=1,
        ) from error
    except OSError as error:
        raise CommandError(
            "playing sound needs the library PortAudio; as root: apt-get install libportaudio2, "
            "or leave out --audio",
            exit_status=1,
        ) from error
    return sounddevice
