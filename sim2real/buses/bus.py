"""What every servo bus can do, whatever its protocol: the interface between drivers and players.

Positions are the protocol's own counts ("ticks"); `sim2real.calibration` turns them into commands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, Self


class BusError(RuntimeError):
    """The wire or a servo failed; the message names the port, the servo and what to check."""


class Alert(StrEnum):
    """What a servo (or the controller that it hangs on) complains about."""

    OVERHEATING = "overheating"
    OVER_VOLTAGE = "over_voltage"
    UNDER_VOLTAGE = "under_voltage"
    VOLTAGE = "voltage"
    """Supply out of range; the protocol does not say to which side."""
    OVERLOAD = "overload"
    OVER_CURRENT = "over_current"
    ENCODER = "encoder"
    """The sensor of the position failed."""
    ELECTRICAL_SHOCK = "electrical_shock"
    """The motor's circuit failed, or too little power reaches it."""
    LET_GO = "let_go"
    """Was told to hold, and holds no more: it protects itself, or lost its supply in between."""
    COMMUNICATION = "communication"
    """Commands arrived damaged, too fast or too late."""


@dataclass(frozen=True)
class PositionUnit:
    """How a protocol counts shaft angles.

    Attributes:
        ticks_per_rad: counts per radian of the output shaft.
        lowest: least position that may be commanded, ticks.
        highest: greatest position that may be commanded, ticks.
    """

    ticks_per_rad: float
    lowest: int
    highest: int

    @property
    def centre(self) -> int:
        """The middle of the range, where a face's servos rest when mounted as documented."""
        return (self.lowest + self.highest) // 2


@dataclass(frozen=True)
class BusProfile:
    """What a protocol is and offers.

    Attributes:
        name: as on the command line: "lx16a", "dynamixel", "feetech", "maestro",
            "maestro-crc".
        baud: usual speed of the wire, bits per second.
        position: how it counts angles.
        reads_position: whether servos report where they are.
        reads_temperature: whether servos report how warm they are.
        reads_voltage: whether servos report their supply.
        reads_all_at_once: whether all positions fit into every control period; otherwise they are
            read in turn.
        shares_wire: whether servos and computer talk on one wire, where an adapter may hear itself.
    """

    name: str
    baud: int
    position: PositionUnit
    reads_position: bool
    reads_temperature: bool
    reads_voltage: bool
    reads_all_at_once: bool
    shares_wire: bool


@dataclass
class BusCounters:
    """What went over a bus since it was opened.

    Attributes:
        writes: packets sent that expect no answer.
        reads: questions asked, one for each servo that should answer.
        retries: questions asked again after no answer or a damaged one.
        lost: questions without any valid answer.
        corrupt: answers that were damaged.
        lost_by_servo: `lost`, by bus id.
    """

    writes: int = 0
    reads: int = 0
    retries: int = 0
    lost: int = 0
    corrupt: int = 0
    lost_by_servo: dict[int, int] = field(default_factory=dict)


class ServoBus(Protocol):
    """Position servos behind one port.

    Every method raises `BusError` when the port itself fails. A servo that does not answer is
    left out of what is read, and counted; it raises nothing, so that a player can decide.
    Not thread-safe: one thread owns a bus.
    """

    profile: BusProfile
    counters: BusCounters

    def ping(self, servo_id: int) -> bool:
        """Whether a servo answers."""

    def set_torque(self, servo_ids: Iterable[int], on: bool) -> None:
        """Hold position, or let go.

        A servo that reports its position is told to stay there before it gets torque, so that
        none jumps to an old goal; one that is silent gets no torque. Where positions cannot be
        read, servos get torque with their first `move`.
        """

    def read_torque(self, servo_ids: Iterable[int]) -> dict[int, bool]:
        """Whether they hold, by bus id of the servos that answered."""

    def move(self, ticks: Mapping[int, int], duration_s: float) -> None:
        """Send servos to positions (ticks by bus id), all at once where the protocol can.

        `duration_s` is the time until the next command: protocols with a move time use it.

        Raises:
            ValueError: a position outside `profile.position`, or an id that the protocol lacks.
        """

    def read_positions(self, servo_ids: Iterable[int]) -> dict[int, int]:
        """Positions (ticks by bus id) of the servos that answered."""

    def read_temperatures_degc(self, servo_ids: Iterable[int]) -> dict[int, float]:
        """Temperatures by bus id of the servos that answered."""

    def read_voltages(self, servo_ids: Iterable[int]) -> dict[int, float]:
        """Supply voltages (V) by bus id of the servos that answered."""

    def read_alerts(self, servo_ids: Iterable[int]) -> dict[int, frozenset[Alert]]:
        """What is wrong by bus id of the servos that answered; an empty set where nothing is.

        Slower than positions on some protocols (LX-16A: three questions for each servo), so ask
        in turn while playing.
        """

    def close(self) -> None:
        """Give the port back; safe to call again."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
