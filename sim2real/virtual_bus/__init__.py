"""A bus of ten servos that are not there: a pseudo-terminal that moves the twin."""

from sim2real.virtual_bus.bus import BusSnapshot, VirtualBus, make_servos
from sim2real.virtual_bus.faults import Fault, FaultError, Faults, parse_fault
from sim2real.virtual_bus.terminal import PortError

__all__ = [
    "BusSnapshot",
    "Fault",
    "FaultError",
    "Faults",
    "PortError",
    "VirtualBus",
    "make_servos",
    "parse_fault",
]
