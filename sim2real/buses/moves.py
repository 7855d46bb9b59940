"""What every driver checks before it moves servos."""

from __future__ import annotations

from collections.abc import Mapping

from sim2real.buses.bus import BusProfile


def check_moves(profile: BusProfile, highest_id: int, ticks: Mapping[int, int]) -> None:
    """Make sure that positions may be sent.

    Raises:
        ValueError: a position outside the protocol's range, or an id that it lacks.
    """
    unit = profile.position
    for servo_id, position in ticks.items():
        if not 0 <= servo_id <= highest_id:
            raise ValueError(
                f"{profile.name} has ids from 0 to {highest_id}, and none is {servo_id}"
            )
        if not unit.lowest <= position <= unit.highest:
            raise ValueError(
                f"servo {servo_id}: position {position} is outside of "
                f"{unit.lowest} to {unit.highest}, the range of {profile.name}"
            )


def clipped(profile: BusProfile, ticks: Mapping[int, int]) -> dict[int, int]:
    """The nearest positions that may be sent."""
    unit = profile.position
    return {
        servo_id: min(max(position, unit.lowest), unit.highest)
        for servo_id, position in ticks.items()
    }
