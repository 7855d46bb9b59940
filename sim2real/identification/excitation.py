"""Commands that show what servos are: thirty seconds in which every parameter leaves its trace.

Every servo moves far at nearly the speed that its datasheet promises, waits for a moment, then hops
to and fro by a few degrees, and so on:

- in a move near the no-load speed the motor's drive saturates: that is its *speed*;
- how fast it arrives is its *gain*, when it starts its *delay*;
- where it stops short is *friction* and *backlash* together. What tells the two apart are the hops:
  play takes off the same from each, large or small, while friction also brakes.

A servo that stands says the same thing again and again: its encoder rounds to the same count. One
that hops shows another count with each reading, and their mean is sharper than a count.

This was chosen by simulating whole logs, counts and noise included, for triangles, sines, steps,
creeping and waiting of many sizes: it halves the errors of friction and backlash that moves and
pauses alone give. At half the speed they grow by half.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from sim.dof import N_DOF
from sim.servo_table import ServoTable
from sim2real.trajectory import Metadata, Trajectory, face_model_version

Floats = NDArray[np.float64]

RATE_HZ: Final = 100.0
"""Rows per second: that of the fast buses; slower ones take what they can."""

SPEED: Final = 0.97
"""Of the moves, as a share of the no-load speed. Faster is not allowed on the servos."""

RANGE: Final = (0.13, 0.87)
"""Commands between which moves go; the ends of the range are left alone."""

WAY: Final = (0.05, 0.7)
"""Shortest and longest move, as commands."""

WAIT_S: Final = (0.05, 0.2)
"""Shortest and longest pause after a move."""

HOP_DEG: Final = (2.0, 8.0)
"""Shortest and longest hop, degrees of the shaft: a few times what play hides."""

HOPPING_S: Final = (0.15, 0.55)
"""Shortest and longest time of hops, one after the other, before the next move."""

SMOOTHING_ROWS: Final = 3
"""Length of the moving average over everything, a softer start for gears."""

EDGE_S: Final = 0.8
"""Rest at the beginning and at the end, and the time of the way home."""

STAGGER_S: Final = 0.05
"""From one servo's first move to the next one's, so that the supply is not asked all at once."""

DURATIONS_S: Final = (10.0, 300.0)
"""Shortest and longest excitation that makes sense."""


def excitation(table: ServoTable, duration_s: float = 30.0, seed: int = 0) -> Trajectory:
    """Commands from which servos can be identified; they begin and end at rest.

    Args:
        table: Servos, whose datasheet speeds bound the motion.
        duration_s: Within `DURATIONS_S`. Intervals shrink with its square root.
        seed: Of places and pauses.

    Raises:
        ValueError: a duration outside these bounds.
    """
    shortest_s, longest_s = DURATIONS_S
    if not shortest_s <= duration_s <= longest_s:
        raise ValueError(
            f"{duration_s:g} s is no sensible length; give {shortest_s:g} to {longest_s:g} s"
        )
    rng = np.random.default_rng(seed)
    times_s = np.arange(round(duration_s * RATE_HZ) + 1) / RATE_HZ
    commands = np.empty((len(times_s), N_DOF))
    for dof, (row, servo) in enumerate(zip(table.servos, table.types, strict=True)):
        speed = SPEED * servo.no_load_speed / math.radians(row.travel_deg)
        hop = (HOP_DEG[0] / row.travel_deg, HOP_DEG[1] / row.travel_deg)
        start_s, end_s = EDGE_S + dof * STAGGER_S, duration_s - 2 * EDGE_S
        knots_s, places = _moves(row.rest, speed, hop, start_s, end_s, rng)
        knots_s, places = [*knots_s, end_s, end_s + EDGE_S], [*places, places[-1], row.rest]
        commands[:, dof] = np.interp(times_s, knots_s, places)
    commands = uniform_filter1d(commands, SMOOTHING_ROWS, axis=0, mode="nearest")
    metadata = Metadata(RATE_HZ, face_model_version(), source=f"liptwin excite --seed {seed}")
    return Trajectory(times_s, np.clip(commands, 0.0, 1.0), metadata)


def _moves(
    rest: float,
    speed: float,
    hop: tuple[float, float],
    start_s: float,
    end_s: float,
    rng: np.random.Generator,
) -> tuple[list[float], list[float]]:
    """Times and commands between which one servo moves along straight lines, before `end_s`."""
    knots_s, places = [0.0, start_s], [rest, rest]

    def go(way: tuple[float, float]) -> None:
        there = _next_place(places[-1], way, rng)
        knots_s.append(knots_s[-1] + abs(there - places[-1]) / speed)
        places.append(there)

    while knots_s[-1] < end_s:
        go(WAY)
        knots_s.append(knots_s[-1] + rng.uniform(*WAIT_S))
        places.append(places[-1])
        enough_s = knots_s[-1] + rng.uniform(*HOPPING_S)
        while knots_s[-1] < enough_s:
            go(hop)
    n = bisect_left(knots_s, end_s)
    return knots_s[:n], places[:n]


def _next_place(here: float, way: tuple[float, float], rng: np.random.Generator) -> float:
    """A random way to either side, turned round where it would leave the range."""
    lowest, highest = RANGE
    step = rng.uniform(*way) * rng.choice((-1.0, 1.0))
    there = here + step if lowest <= here + step <= highest else here - step
    return float(np.clip(there, lowest, highest))
