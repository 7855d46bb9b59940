"""The twin, replaying a deployment with any servo table."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Final

import mujoco
import numpy as np
from mujoco import rollout
from numpy.typing import NDArray

from sim.dof import DOF_NAMES
from sim.model import load_model
from sim.servo_table import ServoTable
from sim.servos import exchange_servos
from sim2real.identification.setpoints import LEAD_IN_S, Setpoints, controls

Floats = NDArray[np.float64]

_TAIL_S: Final = 0.1


def without_latency(table: ServoTable) -> ServoTable:
    """The same servos, obeying at once: their delay is applied to the control instead."""
    types = {
        name: servo.model_copy(update={"latency": 0.0}) for name, servo in table.servo_types.items()
    }
    return table.model_copy(update={"servo_types": types})


class Simulation:
    """The condensed face under the setpoints of one deployment.

    Args:
        table: Servos with the joints, linkage and rotor inertia of all tables to come.
        setpoints: What the servos' controllers were told.
        until_s: Simulate to this time.
    """

    def __init__(self, table: ServoTable, setpoints: Setpoints, until_s: float) -> None:
        self._setpoints = setpoints
        self._model = load_model("condensed", without_latency(table))
        self._joints = np.array([self._model.joint(name).qposadr[0] for name in DOF_NAMES])
        self._actuators = np.array(
            [self._model.actuator_ctrladr[self._model.actuator(name).id] for name in DOF_NAMES]
        )
        self._start_s = float(setpoints.times_s[0]) - LEAD_IN_S
        self._n_steps = int((until_s + _TAIL_S - self._start_s) / self.timestep_s)
        data = mujoco.MjData(self._model)
        self._state = np.empty(
            mujoco.mj_stateSize(self._model, mujoco.mjtState.mjSTATE_FULLPHYSICS)
        )
        mujoco.mj_getState(self._model, data, self._state, mujoco.mjtState.mjSTATE_FULLPHYSICS)

    @property
    def timestep_s(self) -> float:
        """Simulation step."""
        return float(self._model.opt.timestep)

    @property
    def times_s(self) -> Floats:
        """Times (k,) of the positions that `run` gives, s of the log."""
        steps = np.arange(1, self._n_steps + 1, dtype=np.float64)
        return self._start_s + self.timestep_s * steps

    def run(self, table: ServoTable) -> Floats:
        """Shaft angles (k, 10), rad, of servos of a table.

        Raises:
            ServoTableError: the table has other joints, another linkage or rotor inertia.
            FloatingPointError: the simulation diverged.
        """
        return self.run_all([table])[0]

    def run_all(self, tables: Sequence[ServoTable]) -> list[Floats]:
        """As `run` for several tables, on as many threads as there are processors."""
        models, inputs = [], []
        for table in tables:
            model = copy.copy(self._model)
            exchange_servos(model, without_latency(table))
            wanted = controls(self._setpoints, table, self._n_steps, self.timestep_s, self._start_s)
            sent = np.zeros((self._n_steps, model.nu))
            sent[:, self._actuators] = wanted
            models.append(model)
            inputs.append(sent)
        threads = [mujoco.MjData(self._model)]
        states, _ = rollout.rollout(
            models, threads, np.tile(self._state, (len(models), 1)), np.array(inputs)
        )
        positions = states[:, :, 1:][:, :, self._joints]  # the first column is time
        if not np.isfinite(positions).all():
            raise FloatingPointError("the simulation of the logged commands diverged")
        return [table.shaft_from_joint(q) for table, q in zip(tables, positions, strict=True)]
