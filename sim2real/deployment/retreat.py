"""The way out of a deployment: slowly to rest, then torque off."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim.dof import N_DOF
from sim2real.buses.bus import BusError
from sim2real.deployment.easing import soft_duration_s, soft_motion
from sim2real.deployment.face import ServoFace
from sim2real.deployment.pacing import Timer, beats

Floats = NDArray[np.float64]

SOFT_SPEED = 0.2
"""Top speed of a soft motion, as a share of the servos' no-load speed."""

SOFT_AT_LEAST_S = 0.6
"""Least time of a soft motion."""

SETTLE_S = 0.3
"""Rest at the end of a soft motion, for the shafts to arrive."""

ARRIVED_RAD = math.radians(12.0)
"""A shaft that is farther than this from where a soft motion ended has not arrived: more than a
loaded servo of the shipped table gives way (stall torque at 7 degrees)."""

TORQUE_OFF_REPEATS = 3
"""Torque off is said more than once: on some buses nobody answers, and a byte can be lost."""

TORQUE_OFF_TRIES = 5
"""How often more at most, while a servo says that it still holds."""


@dataclass
class Retreat:
    """How a face was left.

    Attributes:
        softly: it went slowly to rest, and as far as servos can tell they arrived.
        torque_off: the port took the order to let go, and no servo says that it still holds.
        problems: what went wrong.
        cut_short: the slow part was left out because someone was in a hurry.
        moved: whether the servos had torque at all; if not, they are where they were found.
    """

    moved: bool = True
    softly: bool = False
    torque_off: bool = False
    problems: list[str] = field(default_factory=list)
    cut_short: bool = False

    def __str__(self) -> str:
        way = (
            "servos at rest"
            if self.softly
            else "servos NOT known to be at rest (in doubt, switch the supply off)"
        )
        if not self.moved:
            way = "servos were not moved"
        power = "torque off" if self.torque_off else "torque NOT off: switch the supply off NOW"
        return "; ".join([f"{way}, {power}", *self.problems])


def soft_steps(face: ServoFace, start: Floats, end: Floats, rate_hz: float) -> Iterable[Floats]:
    """Commands (10,) of a soft motion at a control rate, and of the rest at its end."""
    top_speeds = SOFT_SPEED * face.top_speeds
    duration_s = soft_duration_s(start, end, top_speeds, SOFT_AT_LEAST_S)
    yield from soft_motion(start, end, duration_s, rate_hz)
    yield from [end] * round(SETTLE_S * rate_hz)


def not_arrived(face: ServoFace, end: Floats, beat: Callable[[], object]) -> list[str]:
    """The shafts that are not at `end`, or do not say, in words; none where no servo can say.

    Raises:
        BusError: the port failed.
    """
    if not face.bus.profile.reads_position:
        return []
    found = face.find(beat)
    away = []
    for dof in range(N_DOF):
        if dof not in found:
            away.append(f"{face.name(dof)} does not say where it is")
            continue
        error_rad = abs(found[dof] - end[dof]) * float(face.travel_rad[dof])
        if error_rad > ARRIVED_RAD:
            error_deg = math.degrees(error_rad)
            away.append(f"{face.name(dof)} is {error_deg:.0f} degrees from where it was sent")
    return away


def retreat(
    face: ServoFace,
    start: Floats | None,
    rate_hz: float,
    timer: Timer,
    in_a_hurry: Callable[[], bool],
) -> Retreat:
    """Bring a face to rest and let go. Raises nothing that a bus does; what fails is in the result.

    Args:
        face: the servos.
        start: where they are now, commands (10,); None if they have no torque: then they stay.
        rate_hz: control rate.
        timer: where time comes from.
        in_a_hurry: asked once a period whether to leave out the rest of the way.
    """
    result = Retreat(moved=start is not None)
    try:
        if start is not None:
            _go_to_rest(result, face, start, rate_hz, timer, in_a_hurry)
    except BusError as error:
        result.problems.append(str(error))
    finally:
        _let_go(result, face, in_a_hurry)
    return result


def _go_to_rest(
    result: Retreat,
    face: ServoFace,
    start: Floats,
    rate_hz: float,
    timer: Timer,
    in_a_hurry: Callable[[], bool],
) -> None:
    pulse = beats(rate_hz, timer)
    for commands in soft_steps(face, start, face.rest, rate_hz):
        next(pulse)
        if in_a_hurry():
            result.cut_short = True
            return
        face.approach(commands, 1.0 / rate_hz)
    away = not_arrived(face, face.rest, in_a_hurry)
    result.softly = not away
    if away:
        result.problems.append(f"after the way to rest, {'; '.join(away)}")


def _let_go(result: Retreat, face: ServoFace, in_a_hurry: Callable[[], bool]) -> None:
    problem = ""
    for _ in range(TORQUE_OFF_REPEATS):
        in_a_hurry()
        try:
            face.let_go()
            result.torque_off = True
        except BusError as error:
            problem = str(error)
    if result.torque_off:
        _make_sure(result, face, in_a_hurry)
    elif problem not in result.problems:
        result.problems.append(problem)


def _make_sure(result: Retreat, face: ServoFace, in_a_hurry: Callable[[], bool]) -> None:
    """Ask who still holds, and tell them again: a damaged order can even switch a servo on."""
    try:
        holding = face.holding(in_a_hurry)
        for _ in range(TORQUE_OFF_TRIES):
            if not holding:
                return
            face.let_go()
            holding = face.holding(in_a_hurry)
    except BusError as error:
        result.problems.append(str(error))
        return
    if holding:
        result.torque_off = False
        result.problems.append(f"{', '.join(face.name(dof) for dof in holding)} did not let go")
