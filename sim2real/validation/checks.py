"""The checks: each looks at a trajectory or at its playback, and gives one verdict."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from sim.dof import DOF_NAMES
from sim.servo_table import ServoTable
from sim.servos import COPPER_TEMPERATURE_COEFFICIENT
from sim2real.trajectory import Trajectory
from sim2real.validation.limits import Limits, MotionLimits
from sim2real.validation.motion import Derivatives, derivatives_of_each
from sim2real.validation.playback import PLAYBACK_HZ, Playback
from sim2real.validation.report import Check, worst, worst_of_face

Floats = NDArray[np.float64]

_LEAST_COOLING: Final = 0.05
"""Below this share of the cold winding's cooling the temperature runs away; told as this."""


def check_range(trajectory: Trajectory) -> Check:
    """How near the commands come to the ends of the joints' ranges: 100 % is an end."""
    excursions = np.abs(2.0 * trajectory.commands - 1.0) * 100.0
    return worst("range", "% of travel", trajectory.times_s, excursions, np.full(10, 100.0))


def check_motion(
    trajectory: Trajectory, table: ServoTable, motion: MotionLimits
) -> tuple[Check, Check, Check]:
    """Speed, acceleration and jerk of the shafts."""
    shafts = table.shaft_from_command(trajectory.commands)
    kinds = derivatives_of_each(trajectory.times_s, motion.window_s)
    return (
        _check_derivative("speed", "rad/s", kinds, shafts, motion.speed),
        _check_derivative("acceleration", "rad/s2", kinds, shafts, motion.acceleration),
        _check_derivative("jerk", "rad/s3", kinds, shafts, motion.jerk),
    )


def _check_derivative(
    name: str, unit: str, kinds: list[Derivatives], shafts: Floats, limits: Floats
) -> Check:
    per_dof = [getattr(kind, name) for kind in kinds]
    times_s = per_dof[0].times_s
    values = np.column_stack(
        [
            np.interp(times_s, one.times_s, np.abs(one.matrix @ shafts[:, dof]))
            for dof, one in enumerate(per_dof)
        ]
    )
    return worst(name, unit, times_s, values, limits)


def check_torque(playback: Playback, table: ServoTable, limits: Limits) -> Check:
    """Torque of each shaft, root mean square over a while."""
    mean_squares = _moving_mean(playback.torques**2, limits.torque_window)
    return worst(
        "torque",
        "N.m",
        playback.times_s,
        np.sqrt(mean_squares),
        limits.torque_share * table.torque_limits,
        note=f"root mean square over {limits.torque_window:g} s",
    )


def check_temperature(trajectory: Trajectory, playback: Playback, table: ServoTable) -> Check:
    """Winding temperature when the trajectory is played again and again, without a pause.

    The winding is one thermal mass (time constant tau). Its rise r(t) over one play of length D
    from ambient is known from the simulation; played for ever, each play starts from
    r(D) / (1 - exp(-D / tau)), which decays while the next r(t) builds up. Hot copper has more
    resistance: at the same current the rise grows by 1 / (1 - alpha rise).
    """
    constants_s = np.array([servo.thermal_time_constant for servo in table.types])
    played = playback.times_s <= max(trajectory.duration_s, playback.times_s[0])
    elapsed_s = (playback.times_s[played] - playback.times_s[0])[:, None]
    decay = np.exp(-elapsed_s / constants_s)
    rises = playback.temperature_rises[played] - playback.temperature_rises[0] * decay
    before = rises[-1] / (1.0 - np.exp(-(elapsed_s[-1] + 1.0 / PLAYBACK_HZ) / constants_s))
    cold = np.maximum(before * decay + rises, 0.0)
    cooling = np.maximum(1.0 - COPPER_TEMPERATURE_COEFFICIENT * cold, _LEAST_COOLING)
    ambient_degc = table.ambient_temperature_degc
    allowed = table.max_temperatures_degc - ambient_degc
    found = worst(
        "temperature",
        "degC",
        playback.times_s[played],
        cold / cooling,
        allowed,
        offset=ambient_degc,
        note="winding, played for ever",
    )
    if found.verdict == "pass" or found.dof is None or found.value is None:
        return found
    dof = DOF_NAMES.index(found.dof)
    share = allowed[dof] / (found.value - ambient_degc)
    after_min = -constants_s[dof] * math.log1p(-share) / 60.0
    return replace(found, note=f"{found.note}; too hot after {after_min:.1f} min")


def check_current(playback: Playback, limits: Limits) -> Check:
    """Current of all windings together, averaged as the supply's capacitors do.

    Drives that switch draw less from the supply than flows in the winding, so this is from above.
    """
    total = np.abs(playback.currents).sum(axis=1)
    return worst_of_face(
        "current",
        "A",
        playback.times_s,
        _moving_mean(total, limits.supply_window),
        limits.supply_current,
        note=f"all servos, mean over {limits.supply_window * 1e3:g} ms",
    )


def check_tracking(
    trajectory: Trajectory, playback: Playback, motion: MotionLimits, limits: Limits
) -> Check:
    """How far the joints are from where they were told to be, the usual delay taken off."""
    wanted = np.column_stack(
        [
            np.interp(playback.times_s - delay_s, trajectory.times_s, column)
            for delay_s, column in zip(motion.delay_s, trajectory.commands.T, strict=True)
        ]
    )
    return worst(
        "tracking",
        "% of travel",
        playback.times_s,
        100.0 * np.abs(playback.positions - wanted),
        np.full(10, 100.0 * limits.tracking_error),
        note=f"after the delay of {motion.delay_s.max() * 1e3:.0f} ms",
    )


def check_strain(playback: Playback, limits: Limits) -> Check:
    """Largest principal strain of the skin."""
    estimated = playback.overlap_mm is None
    return worst_of_face(
        "skin strain",
        "%",
        playback.look_times_s,
        100.0 * playback.strain,
        100.0 * limits.skin_strain,
        note="estimate; --skin shell is exact" if estimated else "",
    )


def check_overlap(playback: Playback, limits: Limits) -> Check:
    """How deep the lips press into each other; known by the shell alone."""
    if playback.overlap_mm is None:
        return Check("lip overlap", "not checked", note="needs --skin shell")
    return worst_of_face(
        "lip overlap", "mm", playback.look_times_s, playback.overlap_mm, limits.lip_overlap_mm
    )


def check_lag(lag_ms: float | None, acceptable_ms: tuple[float, float], note: str = "") -> Check:
    """How late the lips are behind the sound; the caller measured it.

    Args:
        lag_ms: Positive where the lips are late; None where no lag could be found.
        acceptable_ms: Lags that viewers accept, early (negative) and late.
        note: What else there is to know.
    """
    if lag_ms is None:
        return Check("audio-lip lag", "not checked", note=note)
    limit = acceptable_ms[1] if lag_ms >= 0 else acceptable_ms[0]
    return Check(
        "audio-lip lag",
        "fail" if lag_ms / limit > 1 else "pass",
        value=lag_ms,
        limit=limit,
        unit="ms",
        note=note,
    )


def _moving_mean(values: Floats, window_s: float) -> Floats:
    """Mean of what is not negative over the window around each moment, along the first axis; over
    all there is, if that is less."""
    size = max(1, min(round(window_s * PLAYBACK_HZ), len(values)))
    means: Floats = uniform_filter1d(values, size, axis=0, mode="nearest")
    return np.maximum(means, 0.0)  # its running sum may end a rounding error below zero
