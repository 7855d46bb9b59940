"""Least squares: the servo parameters with which the twin moves as the hardware did.

`mujoco.sysid` keeps the parameters and their bounds, runs the solver and gives the confidence
intervals. Our own is the residual: its own one expects all sensors to be read at the same times,
whereas servos on a shared wire answer in turn, and a control that does not depend on parameters,
whereas play and delay act on it (see `setpoints`).

All servos are fitted at once, so that what one does to another through the skin counts. For the
slopes this coupling is left out: a parameter is taken to move its own servo only, so one simulation
gives the slopes of one kind of parameter for all ten (`jac_sparsity`). That costs a little speed of
convergence, and nothing in the result, as residuals are of the whole face.

Readings are not all alike. One of a fast shaft is as vague as its time, so it counts less; and
beyond an encoder's count errors count by their size and no more by its square (`soft_l1`), since
they come from frames that a busy computer sent late, not from the servo.

That gets within a fraction of a count, and then whole counts can be told from noise: a few more
rounds of least squares take each reading for what it says of the edges between counts (see
`encoder`). First as if these edges were blurred, then ever sharper, down to what the log shows.
"""

from __future__ import annotations

import contextlib
import copy
import io
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from typing import Any, Final

import numpy as np
from mujoco import sysid
from numpy.typing import NDArray
from scipy.sparse import lil_array

from sim.dof import DOF_NAMES, N_DOF
from sim.servo_table import ServoTable
from sim2real.buses.registry import profile_of
from sim2real.calibration import Calibration
from sim2real.identification.encoder import EncoderError, encoder_error
from sim2real.identification.errors import IdentificationError
from sim2real.identification.log import DeploymentLog, why_unfit
from sim2real.identification.parameters import QUANTITIES, Values, with_values
from sim2real.identification.setpoints import setpoints_of
from sim2real.identification.simulation import Simulation

Floats = NDArray[np.float64]

SLOPE_STEP: Final = 0.02
"""Relative step of the finite differences: above the kinks of friction, below their curvature."""

MAX_ROUNDS: Final = 40
TOLERANCE: Final = 1e-6
"""Relative change of the squared error at which the fit is done."""

SHARPENING_COUNTS: Final = (0.3, 0.12, 0.0)
"""Least blur of the edges between counts, round by round, counts."""

SHARPENING_ROUNDS: Final = 2
"""Steps of each of these rounds; each is nearly linear."""

CONFIDENCE: Final = 0.95

CLOCK_JITTER_S: Final = 0.0005
"""How vague the time of a reading is, to begin with: a loop on a computer that does other things
too."""

SKIPPED_S: Final = 1.5
"""Readings before this are left out: on which side of its play a servo started is not known."""


@dataclass(frozen=True)
class Estimate:
    """One parameter of one servo.

    Attributes:
        value: in the unit of the servo table's column.
        half_width: of the interval with `CONFIDENCE`, if all that the twin leaves out is noise;
            infinite where the log does not show the parameter.
    """

    value: float
    half_width: float


@dataclass(frozen=True, eq=False)
class Identification:
    """What a log says of the servos.

    Attributes:
        table: the updated servo table.
        estimates: by index of the degree of freedom, then by column; servos that were fitted.
        kept: why the others keep their values, by index of the degree of freedom.
        rms_before_deg: (10,) of what was measured minus the twin with the old table, deg of shaft.
        rms_after_deg: (10,) with the new one.
        parameters: the fitted ones, as `mujoco.sysid` keeps them.
        slopes: (n, p) of the residuals, at the solution.
        problem: what was solved last.
        encoder: how far readings are from the shafts.
    """

    table: ServoTable
    estimates: dict[int, dict[str, Estimate]]
    kept: dict[int, str]
    rms_before_deg: Floats
    rms_after_deg: Floats
    parameters: Any
    slopes: Floats
    problem: Problem
    encoder: EncoderError


class Problem:
    """The residual of a log, as a function of the parameters."""

    def __init__(self, log: DeploymentLog, table: ServoTable, calibration: Calibration) -> None:
        until_s = max(float(r.times_s[-1]) for r in log.readings if len(r.times_s))
        self.table = table
        self.kept = {d: why for d in range(N_DOF) if (why := why_unfit(log, d)) is not None}
        self.fitted = [dof for dof in range(N_DOF) if dof not in self.kept]
        self._simulation = Simulation(table, setpoints_of(log.commanded, calibration), until_s)
        start_s = float(log.commanded.times_s[0]) + SKIPPED_S
        self._readings = [r.later_than(start_s) for r in log.readings]
        gear_deg = np.degrees(table.gear * table.joint_width)  # shaft degrees per command
        zero_deg = np.degrees(table.shaft_from_command(np.zeros(N_DOF)))
        self._measured_deg = [
            zero_deg[dof] + gear_deg[dof] * self._readings[dof].commands for dof in range(N_DOF)
        ]
        self._wanted_deg = self._measured_deg
        unit = profile_of(calibration.protocol).position
        self.count_deg = math.degrees(1.0 / unit.ticks_per_rad)
        shafts_deg = np.degrees(self._simulation.run(table))
        self._weights = [
            1.0 / np.sqrt(1.0 + 12.0 * (CLOCK_JITTER_S * speeds) ** 2)
            for speeds in self._speeds(shafts_deg)
        ]

    def sharpened(self, x: Floats, least_blur: float) -> tuple[Problem, EncoderError]:
        """The same problem with what readings near the edges between counts say.

        Args:
            x: The parameters so far.
            least_blur: Of the edges, counts.

        Returns:
            The problem, and the encoder that its errors look like.
        """
        shafts_deg = np.degrees(self._simulation.run(with_values(self.table, self.values(x))))
        speeds = self._speeds(shafts_deg)
        expected = self._at_readings(shafts_deg)
        for dof in self.fitted:
            away_deg = self._wanted_deg[dof] - expected[dof]
            expected[dof] += np.average(away_deg, weights=self._weights[dof] ** 2)
        errors = [(self._measured_deg[dof] - expected[dof]) / self.count_deg for dof in self.fitted]
        encoder = encoder_error(
            np.concatenate(errors), np.concatenate([speeds[dof] for dof in self.fitted])
        )
        sharper = copy.copy(self)
        sharper._wanted_deg, sharper._weights = list(self._wanted_deg), list(self._weights)
        for dof, own in zip(self.fitted, errors, strict=True):
            working, weights = encoder.softened(least_blur).working(own, speeds[dof])
            sharper._wanted_deg[dof] = expected[dof] + self.count_deg * working
            sharper._weights[dof] = weights
        return sharper, encoder

    def _speeds(self, shafts_deg: Floats) -> list[Floats]:
        """Speeds of the shafts at the readings, counts per second."""
        counts = np.gradient(shafts_deg / self.count_deg, self._simulation.timestep_s, axis=0)
        return self._at_readings(counts)

    def _at_readings(self, simulated: Floats) -> list[Floats]:
        """Columns of (k, 10) at the times of each servo's readings."""
        times_s = self._simulation.times_s
        return [
            np.interp(readings.times_s, times_s, column)
            for readings, column in zip(self._readings, simulated.T, strict=True)
        ]

    def parameters(self) -> Any:
        """The parameters, with the table's values to start from, as `mujoco.sysid` keeps them."""
        params = sysid.ParameterDict()
        for dof in self.fitted:
            servo = self.table.types[dof]
            for quantity in QUANTITIES:
                lowest, highest = quantity.bounds(servo)
                old = float(np.clip(getattr(servo, quantity.column), lowest, highest))
                start, *bounds = (quantity.solved(value) for value in (old, lowest, highest))
                share = "1 / " if quantity.is_reciprocal else ""
                name = f"{DOF_NAMES[dof]}.{share}{quantity.column}"
                params.add(sysid.Parameter(name, start, min(bounds), max(bounds)))
        params.move_off_bounds()
        return params

    def values(self, x: Floats) -> dict[int, Values]:
        """The parameter vector as values by servo and column."""
        rows = np.asarray(x, float).reshape(len(self.fitted), len(QUANTITIES))
        return {
            dof: {
                q.column: q.solved(float(value)) for q, value in zip(QUANTITIES, row, strict=True)
            }
            for dof, row in zip(self.fitted, rows, strict=True)
        }

    def residuals_deg(self, table: ServoTable) -> list[Floats]:
        """Measured minus simulated shaft angles (deg) at each reading of each servo.

        Their mean is taken off: a horn that sits a little askew, or skin that is a little stiffer
        than simulated, moves where a servo stands, and is no matter of its motion.
        """
        predicted = self._at_readings(np.degrees(self._simulation.run(table)))
        result = []
        for dof in range(N_DOF):
            difference = self._wanted_deg[dof] - predicted[dof]
            weight = self._weights[dof]
            if len(difference):
                difference -= np.average(difference, weights=weight**2)
            result.append(difference)
        return result

    def residual(self, x: Floats) -> tuple[list[Floats], None, None]:
        """Weighted residuals of the fitted servos, in the form that `mujoco.sysid` wants."""
        residuals = self.residuals_deg(with_values(self.table, self.values(x)))
        return [residuals[dof] * self._weights[dof] for dof in self.fitted], None, None

    def sparsity(self) -> lil_array:
        """Which residuals depend on which parameters: a servo's on its own."""
        sizes = [len(self._readings[dof].times_s) for dof in self.fitted]
        n = len(QUANTITIES)
        pattern = lil_array((sum(sizes), n * len(sizes)), dtype=bool)
        row = 0
        for block, size in enumerate(sizes):
            pattern[row : row + size, n * block : n * (block + 1)] = True
            row += size
        return pattern


def identify(
    log: DeploymentLog,
    table: ServoTable,
    calibration: Calibration,
    source: str,
    progress: Callable[[], object] = lambda: None,
) -> Identification:
    """Fit the parameters of every servo that moved.

    Args:
        log: What was commanded and measured.
        table: Servos to start from; what is not identified keeps its values.
        calibration: Of the bus that the log was made on; tells how commands were rounded and how
            setpoints move.
        source: Where the log came from, for the table.
        progress: Called for each simulation; from more than one thread, but not at once.

    Raises:
        IdentificationError: no servo can be identified, or `mujoco.sysid` is not installed.
        FloatingPointError: the simulation diverged.
    """
    if not hasattr(sysid, "optimize"):  # an empty module without the extra
        raise IdentificationError(
            'identification needs mujoco.sysid; install it with pip install "liptwin[sysid]"'
        )
    problem = Problem(log, table, calibration)
    if not problem.fitted:
        reasons = "; ".join(f"{DOF_NAMES[dof]}: {why}" for dof, why in problem.kept.items())
        raise IdentificationError(f"no servo can be identified ({reasons})")
    params = problem.parameters()
    one_by_one = threading.Lock()

    def solve(stage: Problem, params: Any, **options: Any) -> tuple[Any, Any]:
        def residual(x: Floats, params: Any) -> tuple[list[Floats], None, None]:
            with one_by_one:
                progress()
            return stage.residual(x)

        # the solver prints its progress whatever it is told
        with ThreadPool(2) as pool, contextlib.redirect_stdout(io.StringIO()):
            return sysid.optimize(
                params,
                residual,
                optimizer="scipy",
                verbose=False,
                jac_sparsity=stage.sparsity(),
                diff_step=SLOPE_STEP,
                x_scale=np.maximum(np.abs(params.as_vector()), 0.02),
                ftol=TOLERANCE,
                workers=pool.map,
                **options,
            )

    optimum, result = solve(
        problem, params, max_iters=MAX_ROUNDS, loss="soft_l1", f_scale=problem.count_deg
    )
    sharper = problem
    for least_blur in SHARPENING_COUNTS:
        sharper, encoder = sharper.sharpened(result.x, least_blur)
        optimum, result = solve(sharper, optimum, max_iters=SHARPENING_ROUNDS)
    found = sharper.values(result.x)
    new = with_values(table, found, dict.fromkeys(found, source))
    return Identification(
        table=new,
        estimates=_estimates(sharper, result),
        kept=problem.kept,
        rms_before_deg=_rms(problem.residuals_deg(table)),
        rms_after_deg=_rms(problem.residuals_deg(new)),
        parameters=optimum,
        slopes=result.jac.toarray(),
        problem=sharper,
        encoder=encoder,
    )


def _estimates(problem: Problem, result: Any) -> dict[int, dict[str, Estimate]]:
    """Values with confidence intervals; each servo has its own noise."""
    slopes = result.jac.toarray()
    estimates: dict[int, dict[str, Estimate]] = {}
    n, row = len(QUANTITIES), 0
    residuals, _, _ = problem.residual(result.x)
    for block, (dof, values) in enumerate(problem.values(result.x).items()):
        own = residuals[block]
        jacobian = slopes[row : row + len(own), n * block : n * (block + 1)]
        row += len(own)
        # columns of like size, as the thresholds within expect
        scale = np.maximum(np.linalg.norm(jacobian, axis=0), 1e-12)
        _, widths = sysid.calculate_intervals([own], jacobian / scale, alpha=1 - CONFIDENCE)
        estimates[dof] = {}
        for quantity, width, size in zip(QUANTITIES, widths, scale, strict=True):
            value = values[quantity.column]
            # of a reciprocal, to first order
            share = value**2 if quantity.is_reciprocal else 1.0
            half_width = share * float(width / size) if math.isfinite(width) else math.inf
            estimates[dof][quantity.column] = Estimate(value, half_width)
    return estimates


def _rms(residuals: list[Floats]) -> Floats:
    return np.array([math.sqrt(np.mean(r**2)) if len(r) else math.nan for r in residuals])
