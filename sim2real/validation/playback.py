"""A trajectory played on the twin, and what the servos and the skin did meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.measurements import TOUCH_TOLERANCE_MM, aperture_mm
from sim.twin import FaceTwin
from sim2real.trajectory import Trajectory

Floats = NDArray[np.float64]
Progress = Callable[[Iterable[int], int, str], Iterator[int]]
"""Yields the items, of which there are so many, while telling the user how a piece of work goes."""

PLAYBACK_HZ: Final = 100.0
"""Rate at which servos get commands, straight lines between the rows: that of the fast buses."""

STEPS_PER_LOOK: Final = 2
"""The skin is looked at every so many commands: at 50 Hz, about twice per lip closure of a p."""

EASE_S: Final = 0.6
"""Time to come to rest in the first pose before the playback starts."""

TAIL_S: Final = 0.2
"""The last row is held so long after the end: the servos still have to arrive."""


@dataclass(frozen=True, eq=False)
class Playback:
    """What happened at k commands and l looks at the skin; moments count from the first command.

    Attributes:
        times_s: (k,) moments.
        positions: (k, 10) where the joints were, as commands.
        torques: (k, 10) at the shafts, N.m.
        currents: (k, 10) in the windings, A.
        temperature_rises: (k, 10) of the windings above ambient, K.
        look_times_s: (l,) moments at which the skin was looked at.
        aperture_mm: (l,) opening between the lips on the midline.
        closed: (l,) bool, whether the lips touched along the whole lip line.
        strain: (l,) largest principal strain anywhere on the skin.
        overlap_mm: (l,) how deep the lips pressed into each other; None for the condensed skin,
            whose capsules give way instead.
    """

    times_s: Floats
    positions: Floats
    torques: Floats
    currents: Floats
    temperature_rises: Floats
    look_times_s: Floats
    aperture_mm: Floats
    closed: NDArray[np.bool_]
    strain: Floats
    overlap_mm: Floats | None


def untracked(items: Iterable[int], total: int, description: str) -> Iterator[int]:
    """Progress that nobody watches."""
    return iter(items)


def play(trajectory: Trajectory, twin: FaceTwin, progress: Progress = untracked) -> Playback:
    """Play a trajectory on a twin, from rest in its first pose.

    Raises:
        FloatingPointError: the simulation diverged.
    """
    start_s = float(trajectory.times_s[0])
    length_s = trajectory.duration_s - start_s + TAIL_S
    n = int(np.ceil(length_s * PLAYBACK_HZ))
    sent_s = start_s + np.arange(n) / PLAYBACK_HZ
    commands = np.column_stack(
        [np.interp(sent_s, trajectory.times_s, column) for column in trajectory.commands.T]
    )
    servo_rows: list[tuple[Floats, ...]] = []
    look_times: list[float] = []
    looks: list[tuple[float, ...]] = []
    twin.reset()
    twin.step(commands[0], EASE_S)
    ambient_degc = twin.servos.ambient_temperature_degc
    for k in progress(range(n), n, "simulating"):
        twin.step(commands[k], 1.0 / PLAYBACK_HZ)
        servo_rows.append(
            (
                twin.servos.command_from_joint(twin.joint_positions()),
                twin.servo_torques(),
                twin.servo_currents(),
                twin.servo_temperatures() - ambient_degc,
            )
        )
        if k % STEPS_PER_LOOK == 0:
            looks.append(_look(twin))
            look_times.append(float(sent_s[k]) + 1.0 / PLAYBACK_HZ)
    positions, torques, currents, rises = (np.array(rows) for rows in zip(*servo_rows, strict=True))
    aperture, closed, strain, overlap = np.array(looks).T
    return Playback(
        times_s=sent_s + 1.0 / PLAYBACK_HZ,
        positions=positions,
        torques=torques,
        currents=currents,
        temperature_rises=rises,
        look_times_s=np.array(look_times),
        aperture_mm=aperture,
        closed=closed > 0.5,
        strain=strain,
        overlap_mm=overlap if twin.skin == "shell" else None,
    )


def _look(twin: FaceTwin) -> tuple[float, ...]:
    """Aperture (mm), whether the lips are closed, largest strain, overlap of the lips (mm)."""
    points = twin.control_points()
    skin = twin.skin_model
    strips = skin.lip_strips(points)
    return (
        aperture_mm(skin.landmarks(points, strips)),
        float(skin.lip_gaps(strips).max() * 1e3 <= TOUCH_TOLERANCE_MM),
        float(skin.principal_stretch(points).max()) - 1.0,
        twin.lip_contact().penetration_mm,
    )
