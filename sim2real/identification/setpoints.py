"""What servos head for, given what they were sent: the move time of the bus, play, and delay.

The twin does all of this inside its servos, in whole simulation steps. Identification needs it as
smooth functions of the parameters, so that a least-squares solver sees slopes:

- *Delay* is a shift of the control in time by any number of seconds. Each simulation step gets the
  mean of the shifted control over the step, so that a delay between two steps counts in full.
- *Play* (dead band and backlash) is the operator that `sim.servos` applies when a command arrives.
  It depends on a parameter and acts on the control, which `mujoco.sysid` takes as given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.servo_table import ServoTable
from sim2real.calibration import Calibration
from sim2real.trajectory import Trajectory

Floats = NDArray[np.float64]

EVEN_MOVES: Final = frozenset({"lx16a"})
"""Buses whose driver gives each command the time to the next one, so that a servo moves evenly.
On the others it heads for each command at once."""

RENEWAL_S: Final = 0.002
"""How finely an even move is divided: well below what a shaft can follow."""

LEAD_IN_S: Final = 0.8
"""Simulated time before the first command, in which servos and skin come to rest."""


@dataclass(frozen=True, eq=False)
class Setpoints:
    """What the controllers of the servos are told, each row held until the next one.

    Attributes:
        times_s: (n,) when each row begins.
        commands: (n, 10) in [0, 1].
    """

    times_s: Floats
    commands: Floats


def setpoints_of(sent: Trajectory, calibration: Calibration) -> Setpoints:
    """What the frames of a deployment make the servos' controllers do.

    Commands are rounded to the counts of the bus, as they were on the wire.

    Args:
        sent: The frames.
        calibration: Of the bus that they went over.
    """
    commands = calibration.commands_from_ticks(calibration.ticks_from_commands(sent.commands))
    if calibration.protocol not in EVEN_MOVES or len(sent.times_s) < 2:
        return Setpoints(sent.times_s, commands)
    times_s, period_s = sent.times_s, float(np.median(np.diff(sent.times_s)))
    starts = np.empty_like(commands)
    starts[0] = commands[0]
    for k, elapsed_s in enumerate(np.diff(times_s)):
        starts[k + 1] = starts[k] + min(1.0, elapsed_s / period_s) * (commands[k] - starts[k])
    # held for each part of the way at its mean, then at its end until the next command
    parts_s = np.arange(0.0, period_s, RENEWAL_S)
    middles_s = (parts_s + np.minimum(parts_s + RENEWAL_S, period_s)) / 2
    shares = np.append(middles_s / period_s, 1.0)
    grid_s = times_s[:, None] + np.append(parts_s, period_s)
    on_the_way = grid_s < np.append(times_s[1:], np.inf)[:, None]
    setpoints = starts[:, None] + shares[:, None] * (commands - starts)[:, None]
    return Setpoints(grid_s[on_the_way], setpoints[on_the_way])


def controls(
    setpoints: Setpoints, table: ServoTable, n_steps: int, timestep_s: float, start_s: float
) -> Floats:
    """Wanted shaft angles (rad) for each simulation step (n_steps, 10).

    Args:
        setpoints: What the controllers are told.
        table: Servos, whose slack and latency count.
        n_steps: Simulation steps.
        timestep_s: Length of each.
        start_s: Time of the first step; the first row holds before it begins.
    """
    targets = _play(table.shaft_from_command(setpoints.commands), table.slack)
    latencies_s = np.array([servo.latency for servo in table.types])
    edges_s = start_s + timestep_s * np.arange(n_steps + 1)
    # the running integral of a staircase is made of straight lines
    starts_s = np.concatenate([[start_s - 1.0], setpoints.times_s[1:], [edges_s[-1] + 1.0]])
    steps = np.diff(starts_s)[:, None] * targets
    integral = np.concatenate([np.zeros((1, targets.shape[1])), np.cumsum(steps, axis=0)])
    result = np.empty((n_steps, targets.shape[1]))
    for dof, latency_s in enumerate(latencies_s):
        result[:, dof] = np.diff(np.interp(edges_s - latency_s, starts_s, integral[:, dof]))
    return result / timestep_s


def _play(wanted: Floats, slack: Floats) -> Floats:
    """The play operator on (n, 10) shaft angles, from the middle of the play (see `sim.servos`)."""
    lower, upper = wanted - slack, wanted + slack
    targets = np.empty_like(wanted)
    target = wanted[0]
    for row in range(len(wanted)):
        target = np.minimum(np.maximum(target, lower[row]), upper[row])
        targets[row] = target
    return targets
