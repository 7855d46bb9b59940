"""A serial port as servo buses need it, on pyserial."""

from __future__ import annotations

import contextlib
import errno
import select
import termios
import time
from collections.abc import Iterator
from typing import Final

import serial
from serial.tools import list_ports

from sim2real.buses.bus import BusError

BITS_PER_BYTE: Final = 10
"""On the wire: start bit, eight bits, stop bit."""

WRITE_TIMEOUT_S: Final = 0.5
"""After which a port that takes no bytes counts as broken."""

ECHO_PATIENCE_S: Final = 0.05
"""How long an echo may take beyond its own time on the wire."""

_MOST_AT_ONCE: Final = 4096


class SerialPort:
    """An open port: whole writes, reads up to a deadline, an adapter's echo taken away.

    Deadlines and moments are those of `time.perf_counter`. Every method raises `BusError` when
    the port fails or is closed.

    Args:
        name: such as /dev/ttyUSB0.
        baud: bits per second.
        echo: whether the adapter hears what it sends. Each write then waits for its echo, so that
            nothing but answers is read.

    Raises:
        BusError: the port is missing, not permitted, in use, or cannot go at that speed.
    """

    def __init__(self, name: str, baud: int, echo: bool = False) -> None:
        self.name = name
        self.baud = baud
        self._echo = echo
        self._sent_by = time.perf_counter()
        self._unread = b""
        try:
            # timeout 0: reads take what is there, `read` does the waiting
            self._serial = serial.Serial(
                name, baud, timeout=0, write_timeout=WRITE_TIMEOUT_S, exclusive=True
            )
        except (OSError, ValueError, OverflowError) as error:
            raise BusError(_explain_opening(name, baud, error)) from error
        # adapters of FTDI make; others refuse
        with contextlib.suppress(ValueError, OSError):
            self._serial.set_low_latency_mode(True)

    def wire_time_s(self, size: int) -> float:
        """Time that bytes take on the wire, s."""
        return size * BITS_PER_BYTE / self.baud

    @property
    def sent_by_s(self) -> float:
        """Moment when all that was written is on its way."""
        return self._sent_by

    def write(self, data: bytes) -> None:
        """Send bytes; with an echo, wait for it."""
        now = time.perf_counter()
        self._sent_by = max(now, self._sent_by) + self.wire_time_s(len(data))
        with self._reporting():
            written = self._serial.write(data)
        if written != len(data):
            raise BusError(f"{self.name}: took {written} of {len(data)} bytes; {_CHECK_CABLE}")
        if self._echo:
            self._skip_echo(data)

    def read(self, deadline_s: float) -> bytes:
        """Whatever has arrived; waits for a first byte until the deadline. Empty: none came."""
        unread, self._unread = self._unread, b""
        return unread or self._receive(deadline_s, _MOST_AT_ONCE)

    def drop_input(self) -> None:
        """Forget what has arrived, such as an answer that came too late."""
        self._unread = b""
        with self._reporting():
            self._serial.reset_input_buffer()

    def close(self) -> None:
        """Give the port back; safe to call again."""
        with contextlib.suppress(OSError, termios.error):
            self._serial.close()

    def _skip_echo(self, data: bytes) -> None:
        """Read an echo away. What is not quite one stays, for whoever reads next: it may hold the
        start of an answer."""
        heard = b""
        deadline = self._sent_by + ECHO_PATIENCE_S
        while len(heard) < len(data):
            more = self._receive(deadline, len(data) - len(heard))
            if not more:
                break
            heard += more
        self._unread = b"" if heard == data else heard

    def _receive(self, deadline_s: float, most: int) -> bytes:
        """Up to `most` bytes, once there are any; empty: none came before the deadline."""
        with self._reporting():
            waiting = max(0.0, deadline_s - time.perf_counter())
            readable, _, _ = select.select([self._serial], [], [], waiting)
            # a readable port without bytes is a port that went away: read() says so
            return self._serial.read(most) if readable else b""

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        if not self._serial.is_open:
            raise BusError(f"{self.name}: the port is closed; open it again")
        try:
            yield
        except serial.SerialTimeoutException as error:
            raise BusError(f"{self.name}: takes no bytes; {_CHECK_CABLE}") from error
        except (OSError, termios.error) as error:
            raise BusError(f"{self.name}: the port failed ({error}); {_CHECK_CABLE}") from error


_CHECK_CABLE: Final = "check the USB cable and the adapter, and start again"


def _explain_opening(name: str, baud: int, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        ports = ", ".join(sorted(port.device for port in list_ports.comports())) or "none"
        return f"{name}: there is no such port; ports on this machine: {ports}"
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM):
        return f"{name}: not permitted; join the group that owns it (often dialout) and log in anew"
    if isinstance(error, OSError) and error.errno in (errno.EAGAIN, errno.EBUSY):
        return f"{name}: in use by another program; close that first"
    return f"{name}: cannot be opened at {baud} baud ({error}); check port and speed"
