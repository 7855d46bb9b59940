"""How far hardware and twin differ: a deployment, replayed in the twin."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.dof import DOF_NAMES, N_DOF
from sim.servo_table import ServoTable
from sim2real.calibration import Calibration
from sim2real.identification.log import DeploymentLog
from sim2real.identification.setpoints import setpoints_of
from sim2real.identification.simulation import Simulation

Floats = NDArray[np.float64]

LAGS_S: Final = np.arange(-0.15, 0.1501, 0.001)
"""Lags that are tried."""

LEAST_MOTION_DEG: Final = 2.0
"""Span of the shaft below which nothing can be said about lag."""


@dataclass(frozen=True)
class GapFigures:
    """How far one degree of freedom differs, over all of its readings.

    Attributes:
        rms: root mean square, in commands.
        p95: 95th percentile of the size, in commands.
        worst: greatest size, in commands.
        rms_deg: of the shaft, degrees.
        p95_deg: of the shaft, degrees.
        worst_deg: of the shaft, degrees.
        lag_ms: by how much the hardware is later than the twin; None where it hardly moved.
    """

    rms: float
    p95: float
    worst: float
    rms_deg: float
    p95_deg: float
    worst_deg: float
    lag_ms: float | None


@dataclass(frozen=True, eq=False)
class Gap:
    """Hardware and twin in one deployment.

    Attributes:
        times_s: (k,) of the simulated shafts.
        simulated_deg: (k, 10) shaft angles, deg, 0 at rest.
        reading_times_s: times of the readings of each servo.
        measured_deg: shaft angles at these times.
        difference_deg: measured minus simulated at these times.
        figures: of each degree of freedom; None where nothing was read.
    """

    times_s: Floats
    simulated_deg: Floats
    reading_times_s: list[Floats]
    measured_deg: list[Floats]
    difference_deg: list[Floats]
    figures: list[GapFigures | None]

    def to_json(self) -> dict[str, Any]:
        """The figures by degree of freedom."""
        return {
            name: None if figures is None else asdict(figures)
            for name, figures in zip(DOF_NAMES, self.figures, strict=True)
        }


def gap_of(log: DeploymentLog, table: ServoTable, calibration: Calibration) -> Gap:
    """Replay a deployment in the twin and compare.

    Args:
        log: What was commanded and measured.
        table: The twin's servos.
        calibration: Of the bus that the log was made on.

    Raises:
        FloatingPointError: the simulation diverged.
    """
    until_s = max(float(r.times_s[-1]) for r in log.readings if len(r.times_s))
    simulation = Simulation(table, setpoints_of(log.commanded, calibration), until_s)
    simulated_deg = np.degrees(simulation.run(table))
    times_s = simulation.times_s
    ends_deg = np.degrees(table.shaft_from_command(np.array([np.zeros(N_DOF), np.ones(N_DOF)])))
    measured, differences, figures = [], [], []
    for dof, readings in enumerate(log.readings):
        zero_deg, width_deg = ends_deg[0, dof], ends_deg[1, dof] - ends_deg[0, dof]
        angles = zero_deg + width_deg * readings.commands
        predicted = np.interp(readings.times_s, times_s, simulated_deg[:, dof])
        measured.append(angles)
        differences.append(angles - predicted)
        lag_ms = _lag_ms(readings.times_s, angles, times_s, simulated_deg[:, dof])
        figures.append(_figures(differences[-1], abs(width_deg), lag_ms))
    logged = times_s >= log.commanded.times_s[0]
    return Gap(
        times_s=times_s[logged],
        simulated_deg=simulated_deg[logged],
        reading_times_s=[readings.times_s for readings in log.readings],
        measured_deg=measured,
        difference_deg=differences,
        figures=figures,
    )


def _figures(difference_deg: Floats, width_deg: float, lag_ms: float | None) -> GapFigures | None:
    if not len(difference_deg):
        return None
    sizes = np.abs(difference_deg)
    rms, p95, worst = (
        float(value)
        for value in (np.sqrt(np.mean(sizes**2)), np.percentile(sizes, 95), sizes.max())
    )
    return GapFigures(rms / width_deg, p95 / width_deg, worst / width_deg, rms, p95, worst, lag_ms)


def _lag_ms(
    reading_times_s: Floats, measured_deg: Floats, times_s: Floats, simulated_deg: Floats
) -> float | None:
    """The shift of the simulated shaft in time at which it is most like the measured one."""
    if not len(measured_deg) or min(np.ptp(measured_deg), np.ptp(simulated_deg)) < LEAST_MOTION_DEG:
        return None
    spread = [
        np.var(measured_deg - np.interp(reading_times_s - lag_s, times_s, simulated_deg))
        for lag_s in LAGS_S
    ]
    return round(float(1e3 * LAGS_S[int(np.argmin(spread))]), 3) + 0.0
