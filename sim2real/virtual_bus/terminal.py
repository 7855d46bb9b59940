"""The port of a virtual bus: a raw pseudo-terminal, and a link that gives it a lasting name."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
import tty
from pathlib import Path
from typing import Final

# Linux: how to read a terminal's speed as a number, also one without a constant of its own
# (asm-generic/ioctls.h, asm-generic/termbits.h: four flag words, line, 19 characters, two speeds).
_TCGETS2: Final = 0x802C542A
_TERMIOS2: Final = struct.Struct("4I20x2I")
_CHUNK: Final = 4096
_TERMINALS: Final = Path("/dev/pts")


class PortError(OSError):
    """A port cannot be opened or linked; the message says why and what to do."""


class PseudoTerminal:
    """A serial port without wire; clients open `path`.

    Args:
        baud: speed that it has until a client sets another.

    Raises:
        PortError: the system has no pseudo-terminal left.
    """

    def __init__(self, baud: int) -> None:
        try:
            self._server, self._client = pty.openpty()
        except OSError as error:
            raise PortError(
                f"no pseudo-terminal can be opened ({error.strerror}); close some terminals"
            ) from error
        # this side keeps the client's end open too, so that clients may come and go
        tty.setraw(self._client)
        settings = termios.tcgetattr(self._client)
        settings[4] = settings[5] = getattr(termios, f"B{baud}", settings[5])
        termios.tcsetattr(self._client, termios.TCSANOW, settings)
        os.set_blocking(self._server, False)
        self.path = os.ttyname(self._client)
        self.is_open = True

    def fileno(self) -> int:
        """For `select`."""
        return self._server

    @property
    def baud(self) -> int:
        """Speed that the client has set, bits per second."""
        answer = fcntl.ioctl(self._client, _TCGETS2, bytes(_TERMIOS2.size))
        return int(_TERMIOS2.unpack(answer)[5])

    def read(self) -> bytes:
        """What clients have sent; empty if nothing."""
        try:
            return os.read(self._server, _CHUNK)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> int:
        """Send to the client; return how many bytes were lost because nobody reads them."""
        try:
            return len(data) - os.write(self._server, data)
        except BlockingIOError:
            return len(data)

    def close(self) -> None:
        """Pull the plug: clients see an error; safe to call again."""
        if self.is_open:
            self.is_open = False
            os.close(self._server)
            os.close(self._client)


class Link:
    """A symbolic link to a terminal, removed by `remove`.

    One that a crashed run has left behind is replaced; nothing else is.

    Raises:
        PortError: something else is at `path`, or it cannot be written.
    """

    def __init__(self, path: Path, target: str) -> None:
        self.path = path
        self._target = target
        try:
            if _is_stale(path):
                path.unlink()
            path.symlink_to(target)
        except FileExistsError as error:
            raise PortError(
                f"{path} exists already; remove it if no other bus uses it, or choose another name"
            ) from error
        except OSError as error:
            raise PortError(
                f"{path} cannot be made ({error.strerror}); check the folder and its permissions"
            ) from error

    def remove(self) -> None:
        """Remove the link, unless it has become something else; safe to call again."""
        if self.path.is_symlink() and self.path.readlink() == Path(self._target):
            self.path.unlink()


def _is_stale(path: Path) -> bool:
    """Whether a path is a link to a terminal that is gone."""
    is_terminal = path.is_symlink() and path.readlink().is_relative_to(_TERMINALS)
    return is_terminal and not path.exists()
