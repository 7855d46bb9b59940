"""A deployment put together: the servos or the twin, a watchdog, signals, and the player."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import typer

from liptwin.errors import CommandError
from sim.servo_table import ServoTable
from sim2real.buses.bus import BusError, ServoBus
from sim2real.buses.registry import open_bus
from sim2real.calibration import Calibration
from sim2real.deployment.clock import MediaClock
from sim2real.deployment.face import ServoFace
from sim2real.deployment.player import Outcome, Phase, Player
from sim2real.deployment.sources import CommandSource
from sim2real.deployment.stopping import StopRequest
from sim2real.deployment.watchdog import Watchdog, WatchdogError, WatchdogOrders
from sim2real.virtual_bus import PortError, VirtualBus


@dataclass(frozen=True)
class Connection:
    """Where the servos are.

    Attributes:
        bus: name of the protocol.
        port: serial port; None for the twin behind a virtual bus.
        baud: speed of the wire; None for what the protocol usually has.
        echo: whether the adapter hears itself.
        patience_s: how long a servo may take to answer beyond the wire's own time.
    """

    bus: str
    port: str | None
    baud: int | None
    echo: bool
    patience_s: float


def run(
    connection: Connection,
    calibration: Calibration,
    table: ServoTable,
    rate_hz: float,
    source: CommandSource,
    clock: MediaClock,
) -> Outcome:
    """Deploy, heeding signals: whatever comes, the face ends at rest; see the outcome for how.

    Args:
        connection: where the servos are.
        calibration: of the servos.
        table: their datasheets.
        rate_hz: commands per second.
        source: what to play.
        clock: what to follow; stopped at the end.

    Raises:
        CommandError: the port cannot be opened, the watchdog does not start, or the twin diverged.
    """
    stop = StopRequest()
    try:
        with (
            stop.heeding_signals(),
            _opened(connection, table) as bus,
            _watched(connection, calibration, table) as heartbeat,
        ):
            face = ServoFace(bus, calibration, table)
            player = Player(face, rate_hz, stop, heartbeat=heartbeat, on_phase=_tell)
            return player.run(source, clock)
    except (BusError, FloatingPointError, PortError, WatchdogError) as error:
        raise CommandError(str(error), exit_status=1) from error
    finally:
        clock.stop()


def _tell(phase: Phase) -> None:
    """A line for each phase; the terminal may be gone, and that must not matter now."""
    with contextlib.suppress(OSError):
        typer.echo(f"{phase} ...", err=True)


@contextlib.contextmanager
def _opened(connection: Connection, table: ServoTable) -> Iterator[ServoBus]:
    """The bus, of servos or of the twin."""
    bus, baud, echo = connection.bus, connection.baud, connection.echo
    with contextlib.ExitStack() as stack:
        port = connection.port
        if port is None:
            port = stack.enter_context(VirtualBus(bus, table, baud=baud, echo=echo)).port
        yield stack.enter_context(
            open_bus(bus, port, baud, echo=echo, patience_s=connection.patience_s)
        )


@contextlib.contextmanager
def _watched(
    connection: Connection, calibration: Calibration, table: ServoTable
) -> Iterator[Callable[[], None]]:
    """What to call once a period; virtual servos end with this process and need no watchdog."""
    if connection.port is None:
        yield lambda: None
        return
    orders = WatchdogOrders(
        pid=os.getpid(),
        bus=connection.bus,
        port=connection.port,
        baud=connection.baud,
        echo=connection.echo,
        patience_s=connection.patience_s,
        calibration=calibration,
        table=table,
    )
    with Watchdog(orders) as watchdog:
        yield watchdog.beat
