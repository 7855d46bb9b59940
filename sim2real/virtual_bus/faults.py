"""Faults of a servo bus, to be injected at will: what goes wrong, from when, and for how long."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, cast

import numpy as np
from numpy.typing import NDArray

FaultKind = Literal["drop", "corrupt", "dead", "hot", "brownout", "unplug"]

MEANINGS: Final[dict[FaultKind, str]] = {
    "drop": "a byte vanishes with this probability (0.001)",
    "corrupt": "a byte changes with this probability (0.001)",
    "dead": "a servo falls silent and limp",
    "hot": "a servo reports this temperature in degC (90)",
    "brownout": "the supply falls to this voltage (3.5)",
    "unplug": "the adapter is pulled out",
}
"""What each kind does, with the value that it has by default."""

_DEFAULT_VALUES: Final[dict[FaultKind, float]] = {
    "drop": 0.001,
    "corrupt": 0.001,
    "dead": 0.0,
    "hot": 90.0,
    "brownout": 3.5,
    "unplug": 0.0,
}
_GREATEST_VALUES: Final[dict[FaultKind, float]] = {
    "drop": 1.0,
    "corrupt": 1.0,
    "hot": 255.0,
    "brownout": 30.0,
}
_OF_ONE_SERVO: Final[tuple[FaultKind, ...]] = ("dead", "hot")
_FORM: Final = "KIND[:SERVO][=VALUE][@START[-END]], for example dead:3@5 or drop=0.01@2-4"
_PATTERN: Final = re.compile(
    r"(?P<kind>[a-z]+)(:(?P<servo>\d{1,3}))?(=(?P<value>\d{0,6}\.?\d{0,6}))?"
    r"(@(?P<start>\d{0,6}\.?\d{0,6})(-(?P<end>\d{0,6}\.?\d{0,6}))?)?",
    re.ASCII,
)


class FaultError(ValueError):
    """A fault that makes no sense; the message says why and what would."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        kind: see `MEANINGS`.
        servo_id: bus id, for "dead" and "hot"; None for the kinds that concern the whole bus.
        value: probability, degC or V; None takes the kind's default.
        start_s: since the bus was opened.
        end_s: since the bus was opened.

    Raises:
        FaultError: a servo is missing or not wanted, or a number is out of range.
    """

    kind: FaultKind
    servo_id: int | None = None
    value: float | None = None
    start_s: float = 0.0
    end_s: float = math.inf

    def __post_init__(self) -> None:
        if self.kind not in MEANINGS:
            raise FaultError(f"there is no fault {self.kind!r}; there is {', '.join(MEANINGS)}")
        if (self.servo_id is None) == (self.kind in _OF_ONE_SERVO):
            raise FaultError(
                f"{self.kind}: name the servo, as in {self.kind}:3"
                if self.servo_id is None
                else f"{self.kind} concerns the whole bus; leave out servo {self.servo_id}"
            )
        if self.kind == "unplug" and self.end_s < math.inf:
            raise FaultError("unplug: an adapter does not come back; leave out the end")
        if self.value is not None:
            greatest = _GREATEST_VALUES.get(self.kind)
            if greatest is None:
                raise FaultError(f"{self.kind} takes no value; leave out {self.value:g}")
            if not 0.0 <= self.value <= greatest:
                raise FaultError(f"{self.kind}: {self.value:g} is not from 0 to {greatest:g}")
        if not 0.0 <= self.start_s < self.end_s:
            raise FaultError(f"{self.kind}: {self.start_s:g} to {self.end_s:g} s is no time span")

    @property
    def amount(self) -> float:
        """`value`, or the kind's default."""
        return _DEFAULT_VALUES[self.kind] if self.value is None else self.value

    def is_active(self, time_s: float) -> bool:
        """Whether it happens at this time."""
        return self.start_s <= time_s < self.end_s


def parse_fault(text: str) -> Fault:
    """A fault from `KIND[:SERVO][=VALUE][@START[-END]]`, times in seconds.

    Raises:
        FaultError: it cannot be read, or makes no sense.
    """
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise FaultError(f"{text!r} is not a fault; write {_FORM}")
    try:
        return Fault(
            cast(FaultKind, match["kind"]),  # Fault checks it
            None if match["servo"] is None else int(match["servo"]),
            None if match["value"] is None else float(match["value"]),
            0.0 if match["start"] is None else float(match["start"]),
            math.inf if match["end"] is None else float(match["end"]),
        )
    except FaultError as error:
        raise FaultError(f"{text!r}: {error}") from error
    except ValueError as error:
        raise FaultError(f"{text!r}: has an empty number; write {_FORM}") from error


class Faults:
    """What is wrong with a bus; may be changed by any thread while the bus runs.

    Args:
        faults: what goes wrong from the start.
        seed: of the bytes that are dropped and changed.
    """

    def __init__(self, faults: Iterable[Fault] = (), seed: int = 0) -> None:
        self._faults = tuple(faults)
        self._random = random.Random(seed)

    def inject(self, fault: Fault) -> None:
        """Add a fault; by default it happens from now on."""
        self._faults = (*self._faults, fault)

    def clear(self) -> None:
        """End all faults, also those to come."""
        self._faults = ()

    def mangle(self, data: bytes, time_s: float) -> bytes:
        """What is left of bytes on the wire."""
        drop = self._greatest("drop", time_s)
        corrupt = self._greatest("corrupt", time_s)
        if not drop and not corrupt:
            return data
        chance = self._random.random
        return bytes(
            byte ^ self._random.randrange(1, 256) if chance() < corrupt else byte
            for byte in data
            if chance() >= drop
        )

    def dead(self, servo_ids: Iterable[int], time_s: float) -> NDArray[np.bool_]:
        """Which of the servos are dead."""
        dead = {fault.servo_id for fault in self._active("dead", time_s)}
        return np.array([servo_id in dead for servo_id in servo_ids])

    def temperatures_degc(self, servo_ids: Iterable[int], time_s: float) -> NDArray[np.float64]:
        """Temperatures that the servos report instead of their own; NaN where they tell theirs."""
        hot = {fault.servo_id: fault.amount for fault in self._active("hot", time_s)}
        return np.array([hot.get(servo_id, math.nan) for servo_id in servo_ids])

    def supply_voltage(self, healthy: float, time_s: float) -> float:
        """Supply, V, where `healthy` is what it should be."""
        return min([healthy, *(fault.amount for fault in self._active("brownout", time_s))])

    def is_unplugged(self, time_s: float) -> bool:
        """Whether the port is gone."""
        return bool(self._active("unplug", time_s))

    def _active(self, kind: FaultKind, time_s: float) -> list[Fault]:
        return [fault for fault in self._faults if fault.kind == kind and fault.is_active(time_s)]

    def _greatest(self, kind: FaultKind, time_s: float) -> float:
        return max((fault.amount for fault in self._active(kind, time_s)), default=0.0)
