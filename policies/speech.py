"""What a policy is told about a speech."""

from __future__ import annotations

from dataclasses import dataclass

from envs.speech.articulation import articulate
from envs.speech.audio import Sound
from envs.speech.inventory import InventoryError
from envs.speech.lips import LipCurves
from envs.speech.synthesis import Phone


class SpeechError(ValueError):
    """A policy needs to know more about the speech; the message says what."""


@dataclass(frozen=True, eq=False)
class Speech:
    """A sound and what is known about it.

    Attributes:
        audio: the sound.
        phones: its phones in order of time; None where they are not known.
        lips: how a human's lips moved to it; None where they were not captured.
    """

    audio: Sound
    phones: tuple[Phone, ...] | None = None
    lips: LipCurves | None = None

    def wanted_lips(self, fps: float) -> LipCurves:
        """How lips should move: as captured, else as the model of articulation says.

        Raises:
            SpeechError: neither lips nor phones are known, or the phones mean nothing to the
                model.
        """
        if self.lips is not None:
            return self.lips
        if self.phones is None:
            raise SpeechError(
                f"{self.audio.source}: neither its phones nor its lips are known; give --phones "
                "FILE.csv (start_s,end_s,ipa) or a --capture, or speak a --text"
            )
        try:
            return articulate(self.phones, fps, self.audio.duration_s)
        except InventoryError as error:
            raise SpeechError(str(error)) from error
