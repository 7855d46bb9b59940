"""What the twin did while a bus was served, for a film of it afterwards."""

from __future__ import annotations

from typing import Final

from sim.twin import TwinState
from sim2real.virtual_bus.bodies import ServoBodies

LONGEST_S: Final = 600.0
"""After which nothing more is recorded; about 50 MB at 30 frames per second."""


class Recording:
    """States of the twin at even times, from 0 on.

    Args:
        fps: frames per second.
    """

    def __init__(self, fps: float) -> None:
        self.fps = fps
        self.states: list[TwinState] = []

    @property
    def is_full(self) -> bool:
        """Whether `LONGEST_S` is reached."""
        return len(self.states) > LONGEST_S * self.fps

    def note(self, bodies: ServoBodies) -> None:
        """Take the frames that have become due; to be called more often than they do."""
        while not self.is_full and len(self.states) <= bodies.time_s * self.fps:
            self.states.append(bodies.save_state())
