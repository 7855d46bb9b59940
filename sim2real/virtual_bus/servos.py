"""What the servos of every protocol have in common: bytes in, answers out, the rest is bodies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Answer:
    """Bytes that a servo sends.

    Attributes:
        data: the bytes.
        delay_s: how long it waits after what it answers, or after the answer before this one.
    """

    data: bytes
    delay_s: float


class Servos(Protocol):
    """Ten servos, seen from the wire. They act at the time that their bodies have been brought to.

    No input makes any method raise.
    """

    def receive(self, data: bytes) -> list[Answer]:
        """Take bytes from the wire, do what they say, return what the servos answer."""

    def line_is_quiet(self) -> list[Answer]:
        """The wire has paused: give up waiting for the rest of a frame."""

    def watch(self) -> None:
        """Do what servos do on their own now and then: protect themselves, restart."""
