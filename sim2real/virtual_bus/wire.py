"""When bytes arrive: a serial line that takes its time, which a pseudo-terminal does not."""

from __future__ import annotations

from dataclasses import dataclass

BITS_PER_BYTE = 10
"""Start bit, eight data bits, stop bit."""


@dataclass
class Wire:
    """A half-duplex line: one sender at a time, bytes one after another.

    Bytes that are sent while the line is busy wait for their turn; on a real line they would
    collide with what is on it.

    Attributes:
        baud: bits per second.
        free_s: from when on the line is free.
    """

    baud: int
    free_s: float = 0.0

    def duration_s(self, n_bytes: int) -> float:
        """Time that bytes spend on the line."""
        return n_bytes * BITS_PER_BYTE / self.baud

    def carry(self, n_bytes: int, earliest_s: float) -> float:
        """Put bytes on the line, not before `earliest_s`; return when the last has arrived."""
        self.free_s = max(self.free_s, earliest_s) + self.duration_s(n_bytes)
        return self.free_s
