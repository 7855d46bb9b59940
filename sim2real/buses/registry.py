"""All servo buses by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from sim2real.buses import dynamixel, feetech, lx16a, maestro
from sim2real.buses.bus import BusProfile, ServoBus
from sim2real.buses.exchange import PATIENCE_S
from sim2real.buses.register_bus import RegisterBus
from sim2real.buses.serial_port import SerialPort


@dataclass(frozen=True)
class BusKind:
    """A protocol.

    Attributes:
        profile: what it offers.
        driver: makes the bus from an open port and the patience, s.
    """

    profile: BusProfile
    driver: Callable[[SerialPort, float], ServoBus]


BUSES: Final = {
    kind.profile.name: kind
    for kind in (
        BusKind(lx16a.PROFILE, lx16a.Lx16aBus),
        BusKind(
            dynamixel.PROFILE,
            lambda port, patience_s: RegisterBus(dynamixel.DIALECT, port, patience_s),
        ),
        BusKind(
            feetech.PROFILE,
            lambda port, patience_s: RegisterBus(feetech.DIALECT, port, patience_s),
        ),
        BusKind(maestro.PROFILE, maestro.MaestroBus),
        BusKind(maestro.CRC_PROFILE, partial(maestro.MaestroBus, crc=True)),
    )
}
"""By the name on the command line."""


def profile_of(name: str) -> BusProfile:
    """What a protocol offers.

    Raises:
        ValueError: there is no such protocol.
    """
    if name not in BUSES:
        raise ValueError(f"there is no bus {name!r}; use one of {', '.join(BUSES)}")
    return BUSES[name].profile


def open_bus(
    name: str,
    port: str,
    baud: int | None = None,
    *,
    echo: bool = False,
    patience_s: float = PATIENCE_S,
) -> ServoBus:
    """Open a port and speak a protocol on it.

    Args:
        name: of the protocol, see `BUSES`.
        port: such as /dev/ttyUSB0.
        baud: bits per second; by default what the protocol usually has.
        echo: whether the adapter hears what it sends (a bare half-duplex adapter does).
        patience_s: how long servo and adapter may take to answer beyond the wire's own time.

    Raises:
        ValueError: there is no such protocol.
        BusError: the port cannot be opened.
    """
    profile = profile_of(name)
    serial_port = SerialPort(port, profile.baud if baud is None else baud, echo)
    return BUSES[name].driver(serial_port, patience_s)
