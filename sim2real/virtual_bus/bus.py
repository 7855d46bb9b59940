"""A bus of virtual servos behind a port that any program can open."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from sim.servo_table import ServoTable, load_servo_table
from sim2real.buses.bus import BusProfile
from sim2real.buses.registry import profile_of
from sim2real.virtual_bus.bodies import ServoBodies
from sim2real.virtual_bus.dynamixel_servos import DynamixelServos
from sim2real.virtual_bus.faults import Fault, FaultError, Faults
from sim2real.virtual_bus.feetech_servos import FeetechServos
from sim2real.virtual_bus.lx16a_servos import Lx16aServos
from sim2real.virtual_bus.maestro_servos import MaestroServos
from sim2real.virtual_bus.recording import Recording
from sim2real.virtual_bus.server import BusServer, Traffic
from sim2real.virtual_bus.servos import Servos
from sim2real.virtual_bus.terminal import Link, PseudoTerminal

ServosFactory = Callable[[ServoBodies, BusProfile, Sequence[int], int], Servos]

_FACTORIES: Final[dict[str, ServosFactory]] = {
    "lx16a": lambda bodies, profile, ids, _: Lx16aServos(bodies, profile.position, ids),
    "dynamixel": lambda bodies, profile, ids, baud: DynamixelServos(
        bodies, profile.position, ids, baud
    ),
    "feetech": lambda bodies, profile, ids, baud: FeetechServos(
        bodies, profile.position, ids, baud
    ),
    "maestro": lambda bodies, profile, ids, _: MaestroServos(bodies, profile.position, ids),
    "maestro-crc": lambda bodies, profile, ids, _: MaestroServos(
        bodies, profile.position, ids, crc=True
    ),
}


def make_servos(
    protocol: str, bodies: ServoBodies, bus_ids: Sequence[int], baud: int | None = None
) -> Servos:
    """The servo side of a protocol, in no time but that of its bodies.

    Args:
        protocol: name of a bus, see `sim2real.buses.registry.BUSES`.
        bodies: the servos' bodies.
        bus_ids: of the servos, in the order of the bodies.
        baud: speed of the wire; by default what the protocol usually has.

    Raises:
        ValueError: there is no such protocol.
    """
    profile = profile_of(protocol)
    wire_baud = profile.baud if baud is None else baud
    return _FACTORIES[protocol](bodies, profile, bus_ids, wire_baud)


@dataclass(frozen=True)
class BusSnapshot:
    """A moment on a virtual bus; lists of ten follow `sim.DOF_NAMES`.

    Attributes:
        time_s: since the bus was opened.
        commands: where the joints are, as commands.
        shaft_angles: as encoders see them, rad, 0 at rest.
        temperatures_degc: as the servos report them.
        supply_voltage: V.
        is_driven: whose motors work.
        traffic: bytes so far.
    """

    time_s: float
    commands: list[float]
    shaft_angles: list[float]
    temperatures_degc: list[float]
    supply_voltage: float
    is_driven: list[bool]
    traffic: Traffic


class VirtualBus:
    """Ten servos on a pseudo-terminal, served in real time by a thread while in `with`.

    Args:
        protocol: name of a bus, see `sim2real.buses.registry.BUSES`.
        table: servo table; the face model's own by default.
        baud: speed of the wire; by default what the protocol usually has. Clients at another
            speed are not understood.
        echo: whether clients hear themselves, as on an adapter without a direction switch.
        faults: what goes wrong from the start; more can be injected through `faults`.
        seed: of bytes dropped and changed, and of noise.
        link: where a symbolic link to the port shall be while the bus is open.
        record_fps: frames per second of a recording of the twin; None for none.
        encoder_noise_deg: standard deviation of what encoders see, degrees of the shaft.

    Raises:
        ValueError: there is no such protocol, or `echo` on one without a shared wire.
        FaultError: a fault names a servo that is not there.
        PortError: on entering; no pseudo-terminal, or the link cannot be made.
    """

    def __init__(
        self,
        protocol: str,
        table: ServoTable | None = None,
        *,
        baud: int | None = None,
        echo: bool = False,
        faults: Iterable[Fault] = (),
        seed: int = 0,
        link: Path | None = None,
        record_fps: float | None = None,
        encoder_noise_deg: float = 0.0,
    ) -> None:
        self.profile = profile_of(protocol)
        if echo and not self.profile.shares_wire:
            raise ValueError("a Maestro does not share its wire with servos; it has no echo")
        self.table = load_servo_table() if table is None else table
        self.bus_ids = tuple(row.bus_id for row in self.table.servos)
        self.baud = self.profile.baud if baud is None else baud
        self.recording = None if record_fps is None else Recording(record_fps)
        planned = tuple(faults)
        for fault in planned:
            if fault.servo_id is not None and fault.servo_id not in self.bus_ids:
                ids = ", ".join(map(str, self.bus_ids))
                raise FaultError(f"{fault.kind}:{fault.servo_id}: there are servos {ids}")
        self.faults = Faults(planned, seed)
        self._echo = echo
        self._link_path = link
        self._link: Link | None = None
        self._bodies = ServoBodies(self.table, math.radians(encoder_noise_deg), seed)
        self._servos = make_servos(protocol, self._bodies, self.bus_ids, self.baud)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._failure: Exception | None = None

    def __enter__(self) -> Self:
        self._terminal = PseudoTerminal(self.baud)
        try:
            if self._link_path is not None:
                self._link = Link(self._link_path, self._terminal.path)
        except OSError:
            self._terminal.close()
            raise
        self._server = BusServer(
            self._terminal,
            self._servos,
            self._bodies,
            self.bus_ids,
            self.faults,
            baud=self.baud,
            echo=self._echo,
        )
        self._thread = threading.Thread(target=self._serve, name="virtual-bus", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def port(self) -> str:
        """What a client opens: the link if there is one, else the terminal."""
        return self._terminal.path if self._link_path is None else str(self._link_path)

    @property
    def is_serving(self) -> bool:
        """Whether the port is there; it goes when it is unplugged or the simulation diverged."""
        return self._thread.is_alive()

    def twin_joint_positions(self) -> NDArray[np.float64]:
        """Joint positions of the twin now (10,), rad for hinges and m for slides."""
        with self._lock:
            return self._bodies.joint_positions()

    def snapshot(self) -> BusSnapshot:
        """How things are now."""
        with self._lock:
            return BusSnapshot(
                time_s=self._bodies.time_s,
                commands=self.table.command_from_joint(self._bodies.joint_positions()).tolist(),
                shaft_angles=list(self._bodies.shaft_angles()),
                temperatures_degc=list(self._bodies.temperatures_degc()),
                supply_voltage=self._bodies.supply_voltage,
                is_driven=[self._bodies.is_driven(place) for place in range(len(self.bus_ids))],
                traffic=replace(self._server.traffic),
            )

    def close(self) -> None:
        """Stop serving and take the port away; safe to call again.

        Raises:
            FloatingPointError: the simulation diverged meanwhile.
        """
        self._stop.set()
        self._thread.join()
        self._terminal.close()
        if self._link is not None:
            self._link.remove()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _serve(self) -> None:
        try:
            self._server.serve(self._stop, self._lock, self._note)
        except Exception as failure:  # shown by `close`, in the thread that can show it
            self._failure = failure
            self._terminal.close()

    def _note(self) -> None:
        if self.recording is not None:
            self.recording.note(self._bodies)
