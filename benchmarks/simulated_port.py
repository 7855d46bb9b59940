"""Virtual servos behind a port on which time passes only where bytes and waits need it.

The drivers, the deployment's loop, the bytes and the servos are the same as on a virtual bus; only
the clock is another one. So a busy computer disturbs nothing, the same run always gives the same
log, and half a minute takes a few seconds.
"""

from __future__ import annotations

import math

import numpy as np

from sim.servo_table import ServoTable
from sim2real.buses.registry import profile_of
from sim2real.buses.serial_port import SerialPort
from sim2real.deployment.pacing import Timer
from sim2real.virtual_bus.bodies import ServoBodies
from sim2real.virtual_bus.bus import make_servos
from sim2real.virtual_bus.faults import Faults
from sim2real.virtual_bus.server import TICK_S, BusServer
from sim2real.virtual_bus.terminal import PseudoTerminal

LATE_S = 0.00015
"""How much later than asked the loop wakes, on average, as on a quiet Linux."""

STEP_S = 2e-6
"""What looking at the clock takes."""

CALL_S = 3e-5
"""What handing bytes to the port takes, until the servos' side sees them."""

PATIENCE_S = 0.010
"""How long a question waits for an answer that does not come."""


class _Inbox(PseudoTerminal):
    """Where the servos' bytes arrive."""

    def __init__(self, baud: int) -> None:
        self._speed = baud
        self.received = b""

    @property
    def baud(self) -> int:
        return self._speed

    def write(self, data: bytes) -> int:
        self.received += data
        return 0

    def close(self) -> None:
        """There is nothing to close."""


class _Server(BusServer):
    """A server that is told what time it is."""

    def take(self, data: bytes, now_s: float) -> None:
        self._take(data, now_s)

    def next_event_s(self) -> float | None:
        return self._events[0].due_s if self._events else None

    def run_due(self, now_s: float) -> None:
        self._run_due(now_s)

    def tick(self, now_s: float) -> None:
        self._tick(now_s)


class SimulatedPort(SerialPort):
    """A port to ten virtual servos in simulated time.

    Args:
        protocol: of the bus.
        table: the servos.
        encoder_noise_deg: of the servos, standard deviation.
        seed: of how late the loop wakes, and of noise.
    """

    def __init__(
        self, protocol: str, table: ServoTable, encoder_noise_deg: float = 0.0, seed: int = 0
    ) -> None:
        self.name = "simulated"
        self.baud = profile_of(protocol).baud
        self._now_s = 0.0
        self._next_tick_s = TICK_S
        self._sent_by = 0.0
        self._inbox = _Inbox(self.baud)
        self._rng = np.random.default_rng(seed)
        bodies = ServoBodies(table, math.radians(encoder_noise_deg), seed)
        ids = tuple(row.bus_id for row in table.servos)
        self._server = _Server(
            self._inbox,
            make_servos(protocol, bodies, ids),
            bodies,
            ids,
            Faults((), seed),
            baud=self.baud,
            echo=False,
        )

    @property
    def timer(self) -> Timer:
        """The clock of this port's world."""
        return Timer(self._look_at_clock, self._sleep)

    def write(self, data: bytes) -> None:
        """See `SerialPort`."""
        self._pass(self._now_s + CALL_S)
        self._sent_by = max(self._now_s, self._sent_by) + self.wire_time_s(len(data))
        self._server.take(data, self._now_s)

    def read(self, deadline_s: float) -> bytes:
        """See `SerialPort`; the deadline is of another clock, so it is `PATIENCE_S` here."""
        give_up_s = max(self._now_s, self._sent_by) + PATIENCE_S
        while not self._inbox.received and self._now_s < give_up_s:
            event_s = self._server.next_event_s()
            self._pass(give_up_s if event_s is None else min(event_s, give_up_s))
        found, self._inbox.received = self._inbox.received, b""
        return found

    def drop_input(self) -> None:
        """See `SerialPort`."""
        self._inbox.received = b""

    def close(self) -> None:
        """See `SerialPort`."""

    def _look_at_clock(self) -> float:
        self._pass(self._now_s + STEP_S)
        return self._now_s

    def _sleep(self, duration_s: float) -> None:
        self._pass(self._now_s + duration_s + self._rng.exponential(LATE_S))

    def _pass(self, until_s: float) -> None:
        """Let everything happen that is due."""
        while True:
            event_s = self._server.next_event_s()
            due_s = self._next_tick_s if event_s is None else min(event_s, self._next_tick_s)
            if due_s > until_s:
                break
            self._now_s = max(self._now_s, due_s)
            self._server.run_due(self._now_s)
            if self._now_s >= self._next_tick_s:
                self._next_tick_s += TICK_S
                self._server.tick(self._now_s)
        self._now_s = max(self._now_s, until_s)
