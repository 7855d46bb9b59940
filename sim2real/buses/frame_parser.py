"""Frames out of a stream of bytes that may be late, cut or damaged: what all codecs share.

A codec brings one pure function, `scan`, which looks at the start of a buffer. The parser feeds
it, keeps what is incomplete, and goes on behind damage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Never, TypeVar

Frame_co = TypeVar("Frame_co", covariant=True)
Frame = TypeVar("Frame")


@dataclass(frozen=True)
class Damage:
    """Bytes that are no frame.

    Attributes:
        data: the bytes.
        reason: what is wrong with the first of them.
    """

    data: bytes
    reason: str


@dataclass(frozen=True)
class Found(Generic[Frame_co]):
    """What the start of a buffer is.

    Attributes:
        what: a frame, or damage.
        length: bytes that it takes, at least one.
    """

    what: Frame_co | Damage
    length: int


Scan = Callable[[bytearray], Found[Frame] | None]
"""Looks at the start of a buffer (at least one byte); None: cannot tell before more bytes come.

Must answer for any buffer that is as long as the protocol's longest frame: that bounds the
parser's memory.
"""


class FrameParser(Generic[Frame]):
    """Cuts a stream into frames and damage, however the bytes come in pieces.

    Never raises. Damage that follows damage in one piece is reported once. All bytes come back:
    in a frame, in damage, or later.
    """

    def __init__(self, scan: Scan[Frame]) -> None:
        self._scan = scan
        self._buffer = bytearray()

    @property
    def pending(self) -> int:
        """Bytes that wait for more."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame | Damage]:
        """Take bytes; return what became complete, in order."""
        self._buffer += data
        return _merged(self._scanned())

    def flush(self) -> list[Frame | Damage]:
        """Give up waiting, as the line went quiet.

        What looked like the start of a long frame may hide whole frames: those are returned too.
        """
        return _merged(self._given_up())

    def _scanned(self) -> Iterator[Frame | Damage]:
        while self._buffer and (found := self._scan(self._buffer)) is not None:
            yield found.what
            del self._buffer[: found.length]

    def _given_up(self) -> Iterator[Frame | Damage]:
        while self._buffer:
            yield Damage(bytes(self._buffer[:1]), "incomplete")
            del self._buffer[:1]
            yield from self._scanned()


def skip_to_header(buffer: bytearray, header: bytes, reason: str) -> Found[Never]:
    """Damage that reaches from the buffer's first byte to the next place a header may begin."""
    at = buffer.find(header, 1)
    if at < 0:
        at = len(buffer)
        # the buffer may end within a header
        for length in range(len(header) - 1, 0, -1):
            if at > length and buffer.endswith(header[:length]):
                at -= length
                break
    return Found(Damage(bytes(buffer[:at]), reason), at)


def _merged(whats: Iterable[Frame | Damage]) -> list[Frame | Damage]:
    """Make one of neighbouring damages."""
    merged: list[Frame | Damage] = []
    damaged, reason = bytearray(), ""
    for what in whats:
        if isinstance(what, Damage):
            reason = reason if damaged else what.reason
            damaged += what.data
            continue
        if damaged:
            merged.append(Damage(bytes(damaged), reason))
            damaged.clear()
        merged.append(what)
    if damaged:
        merged.append(Damage(bytes(damaged), reason))
    return merged
