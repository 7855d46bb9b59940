"""A watchdog: a process of its own that brings the face to rest when the player no longer can.

The player writes a byte into a pipe each period. When none comes in time, or the pipe
breaks because the player was killed, the watchdog ends the player's process, opens the port itself,
eases the servos to rest and switches their torque off. A process, not a thread: it works when the
interpreter hangs, when the player is stopped (Ctrl-Z) and when it is killed.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from typing import Self

from pydantic import BaseModel, ConfigDict

from sim.servo_table import ServoTable
from sim2real.buses.bus import BusError, ServoBus
from sim2real.buses.registry import open_bus
from sim2real.calibration.calibration import Calibration
from sim2real.deployment.face import ServoFace
from sim2real.deployment.pacing import Timer
from sim2real.deployment.retreat import Retreat, retreat

TIMEOUT_S = 0.5
"""Silence after which the player counts as dead, if servos answered at once."""

PATIENT_QUESTIONS = 50
"""Questions that may go unanswered between two beats of a player that is well: ten servos that say
nothing about their health."""

RATE_HZ = 30.0
"""Control rate of the way to rest; slow enough for every bus."""

OPEN_WITHIN_S = 3.0
OPEN_AGAIN_S = 0.02
"""A killed process gives its files back one by one, so the port can be taken for a moment."""

_READY = b"R"
_BEAT = b"."
_DONE = b"D"
_START_WITHIN_S = 30.0


class WatchdogOrders(BaseModel):
    """What a watchdog must know to take over; sent to it as JSON, one line.

    Attributes:
        pid: of the player.
        bus: name of the bus, as in `sim2real.buses.registry`.
        port: where the bus hangs.
        baud: speed of the wire; None for the bus's usual one.
        echo: whether the adapter hears itself.
        patience_s: how long a servo may take to answer.
        calibration: of the servos.
        table: their datasheets.
    """

    model_config = ConfigDict(frozen=True)

    pid: int
    bus: str
    port: str
    baud: int | None
    echo: bool
    patience_s: float
    calibration: Calibration
    table: ServoTable


class WatchdogError(RuntimeError):
    """The watchdog could not be started; the message says why."""


class Watchdog:
    """The player's end: start it, beat, and call it off at the end.

    Raises:
        WatchdogError: the process does not come up.
    """

    def __init__(self, orders: WatchdogOrders) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C and Ctrl-Z in the player's terminal do not reach it
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._pipe = self._process.stdin.fileno()
        try:
            os.write(self._pipe, orders.model_dump_json().encode() + b"\n")
        except OSError as error:
            self._fail(str(error))
        ready, _, _ = select.select([self._process.stdout], [], [], _START_WITHIN_S)
        if not ready or self._process.stdout.read(1) != _READY:
            self._fail("its process said nothing" if not ready else "its process ended")
        os.set_blocking(self._pipe, False)

    def beat(self) -> None:
        """The loop lives. A watchdog that has died is noticed at the end, not here."""
        with contextlib.suppress(OSError):
            os.write(self._pipe, _BEAT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Call it off: the servos have been seen to."""
        with contextlib.suppress(OSError):
            os.write(self._pipe, _DONE)
        self._close()

    def _close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(_START_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _fail(self, reason: str) -> None:
        self._process.kill()
        self._close()
        raise WatchdogError(f"the watchdog did not start ({reason}); nothing was moved")


def watch(pipe: int, timeout_s: float) -> str:
    """Watch a player until it is done or dead; returns why it is dead, or "" if it is done."""
    while True:
        ready, _, _ = select.select([pipe], [], [], timeout_s)
        if not ready:
            return f"the player stood still for {timeout_s:g} s"
        data = os.read(pipe, 65_536)
        if _DONE in data:
            return ""
        if not data:
            return "the player was killed"


def _open(orders: WatchdogOrders) -> ServoBus:
    """Open the port as soon as the dying player has given it back.

    Raises:
        BusError: it cannot be opened even after `OPEN_WITHIN_S`.
    """
    give_up_s = time.monotonic() + OPEN_WITHIN_S
    while True:
        try:
            return open_bus(
                orders.bus,
                orders.port,
                orders.baud,
                echo=orders.echo,
                patience_s=orders.patience_s,
            )
        except BusError:
            if time.monotonic() > give_up_s:
                raise
            time.sleep(OPEN_AGAIN_S)


def _rescue(face: ServoFace) -> Retreat:
    """From wherever the servos are; one that does not say is taken to be at rest."""
    start = face.rest.copy()
    if face.bus.profile.reads_position:
        for dof, command in face.find(lambda: None).items():
            start[dof] = command
    return retreat(face, start, RATE_HZ, Timer(), in_a_hurry=lambda: False)


def _main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends when the player does, and not before
    pipe = sys.stdin.fileno()
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(pipe, 1)
        if not byte:
            return 1
        line += byte
    orders = WatchdogOrders.model_validate_json(line)
    os.write(sys.stdout.fileno(), _READY)
    reason = watch(pipe, TIMEOUT_S + PATIENT_QUESTIONS * orders.patience_s)
    if not reason:
        return 0
    if os.getppid() == orders.pid:  # else it is gone, and the number may be another's
        os.kill(orders.pid, signal.SIGKILL)
    sys.stderr.write(f"liptwin: watchdog: {reason}; bringing the servos to rest\n")
    try:
        with _open(orders) as bus:
            result = _rescue(ServoFace(bus, orders.calibration, orders.table))
    except BusError as error:
        sys.stderr.write(f"liptwin: watchdog: {error}; switch the supply off NOW\n")
        return 1
    sys.stderr.write(f"liptwin: watchdog: {result}\n")
    return 1


if __name__ == "__main__":
    sys.exit(_main())
