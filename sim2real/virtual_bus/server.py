"""Serve a port in real time: bytes arrive when a wire would bring them, and the twin keeps pace."""

from __future__ import annotations

import heapq
import select
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sim2real.virtual_bus.bodies import ServoBodies
from sim2real.virtual_bus.faults import Faults
from sim2real.virtual_bus.servos import Answer, Servos
from sim2real.virtual_bus.terminal import PseudoTerminal
from sim2real.virtual_bus.wire import Wire

TICK_S: Final = 0.010
"""How long the twin may lag while nothing happens on the wire, and how soon faults begin."""

MOMENT_S: Final = 0.001
"""What is closer in time than this happens at once, so that the twin need not step in between."""

SLICE_S: Final = 0.001
"""Bytes that a client writes at once reach the servos in pieces of this length."""

BACKLOG_S: Final = 0.25
"""What is waiting for the wire when the port takes no more bytes, so that clients must wait."""

QUIET_S: Final = 0.010
"""A pause after which servos give up waiting for the rest of a frame."""


@dataclass
class Traffic:
    """Bytes since the port was opened.

    Attributes:
        received: from clients.
        sent: to clients, echo included.
        unread: not sent because no client took what was there.
        wrong_speed: received at another speed than the wire's, so not understood.
    """

    received: int = 0
    sent: int = 0
    unread: int = 0
    wrong_speed: int = 0


@dataclass(order=True)
class _Event:
    """Bytes that reach the servos, or the client, at a time."""

    due_s: float
    order: int
    data: bytes = field(compare=False)
    to_servos: bool = field(compare=False)


class BusServer:
    """Between a terminal and the servos.

    Args:
        terminal: the port.
        servos: who answers.
        bodies: their bodies; time on the bus is theirs.
        bus_ids: of the bodies, as faults name them.
        faults: what goes wrong.
        baud: of the wire.
        echo: whether clients hear themselves, as on a half-duplex line without a direction switch.
    """

    def __init__(
        self,
        terminal: PseudoTerminal,
        servos: Servos,
        bodies: ServoBodies,
        bus_ids: tuple[int, ...],
        faults: Faults,
        *,
        baud: int,
        echo: bool,
    ) -> None:
        self.traffic = Traffic()
        self._terminal = terminal
        self._servos = servos
        self._bodies = bodies
        self._bus_ids = bus_ids
        self._faults = faults
        self._wire = Wire(baud)
        self._echo = echo
        self._events: list[_Event] = []
        self._order = 0
        self._opened_s = time.monotonic()
        self._last_byte_s: float | None = None
        self._healthy_voltage = bodies.supply_voltage

    def serve(
        self, stop: threading.Event, lock: threading.Lock, on_tick: Callable[[], None]
    ) -> None:
        """Serve until told to stop, or until the port is pulled out.

        Args:
            stop: ends it within `TICK_S`.
            lock: held while anything here changes, and never while waiting.
            on_tick: called about every `TICK_S`, with the lock held.

        Raises:
            FloatingPointError: the simulation diverged.
        """
        next_tick_s = self.now_s()
        while self._terminal.is_open and not stop.is_set():
            due_s = min([next_tick_s, *(event.due_s for event in self._events[:1])])
            now_s = self.now_s()
            open_ports = [self._terminal] if self._wire.free_s < now_s + BACKLOG_S else []
            readable = bool(select.select(open_ports, [], [], max(0.0, due_s - now_s))[0])
            with lock:
                now_s = self.now_s()
                if readable:
                    self._take(self._terminal.read(), now_s)
                self._run_due(now_s)
                if not readable:
                    self._notice_quiet(now_s)
                if now_s >= next_tick_s:
                    next_tick_s = now_s + TICK_S
                    self._tick(now_s)
                    on_tick()

    def now_s(self) -> float:
        """Seconds since the bus was opened."""
        return time.monotonic() - self._opened_s

    def _tick(self, now_s: float) -> None:
        """Let the twin catch up, and faults begin and end."""
        self._bodies.advance(now_s)
        self._bodies.set_dead(self._faults.dead(self._bus_ids, now_s))
        self._bodies.set_heat(self._faults.temperatures_degc(self._bus_ids, now_s))
        self._bodies.set_supply(self._faults.supply_voltage(self._healthy_voltage, now_s))
        self._servos.watch()
        if self._faults.is_unplugged(now_s):
            self._terminal.close()

    def _notice_quiet(self, now_s: float) -> None:
        if self._last_byte_s is None or now_s < self._last_byte_s + QUIET_S:
            return
        if not any(event.to_servos for event in self._events):
            self._last_byte_s = None
            self._put_on_wire(self._servos.line_is_quiet(), now_s)

    def _take(self, data: bytes, now_s: float) -> None:
        """Put a client's bytes on the wire."""
        self.traffic.received += len(data)
        if self._terminal.baud != self._wire.baud:
            self.traffic.wrong_speed += len(data)
            return
        size = max(1, round(SLICE_S / self._wire.duration_s(1)))
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            arrival_s = self._wire.carry(len(piece), now_s)
            if self._echo:
                self._schedule(arrival_s, piece, to_servos=False)
            self._schedule(arrival_s, piece, to_servos=True)

    def _run_due(self, now_s: float) -> None:
        while self._events and self._events[0].due_s <= now_s:
            event = heapq.heappop(self._events)
            data = self._faults.mangle(event.data, now_s)
            if event.to_servos:
                if now_s > self._bodies.time_s + MOMENT_S:
                    self._bodies.advance(now_s)
                self._last_byte_s = now_s
                self._put_on_wire(self._servos.receive(data), event.due_s)
            else:
                lost = self._terminal.write(data)
                self.traffic.unread += lost
                self.traffic.sent += len(data) - lost

    def _put_on_wire(self, answers: list[Answer], asked_s: float) -> None:
        for answer in answers:
            arrival_s = self._wire.carry(len(answer.data), asked_s + answer.delay_s)
            self._schedule(arrival_s, answer.data, to_servos=False)
            asked_s = arrival_s

    def _schedule(self, due_s: float, data: bytes, *, to_servos: bool) -> None:
        self._order += 1
        heapq.heappush(self._events, _Event(due_s, self._order, data, to_servos))
