"""Servo model of the face: the actuators that a servo table makes, and what they report.

The table (`assets/face_model/servos.yaml`) says which servo drives which joint. The linkage is
linear, so an actuator's gear is shaft radians per joint unit; the actuator's length is the shaft
angle (rad, 0 at rest), its control the wanted shaft angle, its force the shaft torque (N.m).

A real servo is MuJoCo's `dcmotor`:

- Motor constants follow from the datasheet, with the friction taken out of the gross torque, so
  that stall torque and no-load speed are met *at the shaft*. Gear losses show only in the current
  and in the heat: the simulated motor is ideal, and `MotorConstants.current_scale` maps its
  current to the datasheet's.
- Position controller: stiffness and damping on the shaft, its drive clamped to the supply voltage.
  That clamp and the back-EMF give the torque-speed line.
- Friction: LuGre, so that the shaft sticks and holds loads.
- Heat: one thermal mass; hot copper has more resistance and less torque. The servo's own
  shut-down at its greatest temperature is not simulated; compare with
  `ServoTable.max_temperatures_degc`.
- Latency: MuJoCo's control delay.

**Dead band and backlash** are a play operator (hysteresis) on the wanted shaft angle, applied when
a command arrives: the target moves only when the command leaves a band around it. The half-width
is the dead band plus half the backlash; plays in series add up, so one operator is exact for both.
Its state is the control itself, so it is saved with MuJoCo's integration state and costs nothing
per simulation step. The alternative, a second joint behind each servo, doubles the degrees of
freedom and brings stiff stops. What this leaves out: a joint that rattles freely when its load
changes sign inside the gap, and the encoder's blindness to the gap. For lips preloaded by skin it
overstates the lost motion.

Nothing here has state outside `mjSTATE_INTEGRATION`.
"""

import math
from types import EllipsisType
from typing import Final, Protocol

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.dof import DOF_NAMES, N_DOF
from sim.servo_table import ServoTable, ServoTableError, ServoType

Floats = NDArray[np.float64]

COPPER_TEMPERATURE_COEFFICIENT: Final = 0.00393
"""Growth of copper's resistance per kelvin (1/K) at 20 degC; IEC 60028."""

BRISTLE_STIFFNESS: Final = 60.0
"""LuGre bristle stiffness (N.m/rad): the shaft gives about 0.1 degrees before it slips."""

BRISTLE_DAMPING: Final = 0.5
"""LuGre bristle damping (N.m.s/rad): enough to keep a sticking shaft from ringing at 4 ms steps."""

STRIBECK_SPEED: Final = 0.2
"""Shaft speed (rad/s) at which static friction has given way to Coulomb friction."""

IDEAL_INERTIA: Final = 0.002
"""Rotor inertia (kg.m2) of an ideal servo, well above what any joint reflects to the shaft."""

IDEAL_FREQUENCY: Final = 200.0
"""Natural frequency (rad/s) of an ideal servo: settles in 30 ms and is stable at 4 ms steps."""


def add_servos(spec: mujoco.MjSpec, table: ServoTable, *, ideal: bool = False) -> None:
    """Add one actuator per degree of freedom to a face, named by it and in canonical order.

    The spec's time step must be final: the latency is rounded to whole steps. Controls are shaft
    angles (rad) and are clamped to the travel.

    Args:
        spec: Face with the table's ten joints, changed in place.
        table: Servo table.
        ideal: Stiff critically damped servos without delay, slack, or limits of speed and torque.

    Raises:
        ServoTableError: the spec lacks a joint of the table.
    """
    for row, servo, gear in zip(table.servos, table.types, table.gear, strict=True):
        if spec.joint(row.joint) is None:
            raise ServoTableError(
                f"row of {row.dof}, column 'joint': the model has no joint {row.joint!r}; "
                "rename the joint in the model or in the table"
            )
        actuator = spec.add_actuator(
            name=row.dof, target=row.joint, trntype=mujoco.mjtTrn.mjTRN_JOINT
        )
        actuator.gear[0] = gear
        actuator.ctrllimited = mujoco.mjtLimited.mjLIMITED_TRUE
        actuator.ctrlrange = sorted(gear * end for end in row.joint_range)
        if ideal:
            _make_ideal(actuator)
        else:
            _make_real(actuator, servo, table, spec.option.timestep)


_EXCHANGEABLE: Final = ("gainprm", "biasprm", "dynprm", "ctrlrange", "forcerange", "delay")
_FIXED: Final = ("armature", "gear")
"""Actuator parameters that a compiled model takes as they are, and those on which its constants
depend."""


def exchange_servos(model: mujoco.MjModel, table: ServoTable) -> None:
    """Give a compiled face the servos of another table, in place.

    The result is the model that compiling it with `add_servos` would give, except that the memory
    for delayed commands keeps its length.

    Args:
        model: Face that `add_servos` made with real servos.
        table: Servos with the same joints, linkage and rotor inertia, and with latencies not above
            those that the model was compiled for.

    Raises:
        ServoTableError: the table differs in more than that; nothing is changed.
    """
    spec = mujoco.MjSpec()
    spec.option.timestep = model.opt.timestep
    for row in table.servos:
        spec.worldbody.add_body().add_joint(name=row.joint)
    add_servos(spec, table)
    for wanted in spec.actuators:
        _check_exchange(model, wanted)
    for wanted in spec.actuators:
        fitted = model.actuator(wanted.name).id
        for name in _EXCHANGEABLE:
            getattr(model, f"actuator_{name}")[fitted] = getattr(wanted, name)


def _check_exchange(model: mujoco.MjModel, wanted: mujoco.MjsActuator) -> None:
    fitted = model.actuator(wanted.name).id
    if model.actuator_dyntype[fitted] != int(mujoco.mjtDyn.mjDYN_DCMOTOR):
        raise ServoTableError(f"{wanted.name}: an ideal servo cannot be exchanged; make a new face")
    for name in _FIXED:
        if not np.array_equal(getattr(model, f"actuator_{name}")[fitted], getattr(wanted, name)):
            raise ServoTableError(
                f"{wanted.name}: the new servo has another {name}, on which constants of the "
                "compiled face depend; make a new face"
            )
    samples = int(model.actuator_history[fitted, 0])
    if wanted.nsample > samples:
        step_ms = 1e3 * model.opt.timestep
        raise ServoTableError(
            f"{wanted.name}: a latency of {wanted.nsample * step_ms:g} ms is above the "
            f"{samples * step_ms:g} ms that the face was compiled for; make it with the greatest"
        )


def _make_ideal(actuator: mujoco.MjsActuator) -> None:
    actuator.armature = IDEAL_INERTIA
    actuator.set_to_position(
        kp=IDEAL_INERTIA * IDEAL_FREQUENCY**2, kv=2 * IDEAL_INERTIA * IDEAL_FREQUENCY
    )


def _make_real(
    actuator: mujoco.MjsActuator, servo: ServoType, table: ServoTable, timestep: float
) -> None:
    motor = servo.motor
    damping = 2 * servo.damping_ratio * math.sqrt(servo.stiffness * servo.rotor_inertia)
    actuator.armature = servo.rotor_inertia
    actuator.set_to_dcmotor(
        motorconst=[motor.torque_constant, 0],
        resistance=motor.resistance,
        saturation=[servo.torque_limit(table.supply_voltage), 0, 0],
        controller=[servo.stiffness, 0, damping, 0, 0, table.supply_voltage],
        thermal=[
            # The real motor turns current_scale times the ideal motor's electrical power to heat.
            servo.thermal_resistance * motor.current_scale,
            0,
            servo.thermal_time_constant,
            COPPER_TEMPERATURE_COEFFICIENT,
            table.ambient_temperature_degc,
            table.ambient_temperature_degc,
        ],
        lugre=[
            BRISTLE_STIFFNESS,
            BRISTLE_DAMPING,
            motor.friction,
            motor.friction * servo.static_friction_ratio,
            STRIBECK_SPEED,
        ],
        ctrlspec=int(mujoco.mjtCtrlInput.mjINPUT_POS),
    )
    # MuJoCo compares time stamps that carry rounding errors; half a step less than a whole number
    # of steps makes every command wait exactly that number of steps.
    steps = round(servo.latency / timestep)
    if steps > 0:
        actuator.delay = (steps - 0.5) * timestep
        actuator.nsample = steps


class ServoState(Protocol):
    """What servos report from: a `mujoco.MjData`, or a `mujoco.batch.Batch` of shape (n, ...).

    A batch fills its actuator arrays only while they are bound; bind them before stepping.
    """

    ctrl: Floats
    act: Floats
    actuator_force: Floats
    actuator_length: Floats
    actuator_velocity: Floats


class ServoBank:
    """The ten servos of a compiled model: sends commands, reads what the servos report.

    Arrays have the shape (10,) for an `MjData`, (n, 10) for a batch, in canonical order. Readings
    are of the last step's start, except temperatures, which are of its end. Under the `discrete`
    integrator torques include the step's implicit part and may pass the stall torque by 1 %.
    """

    def __init__(
        self, model: mujoco.MjModel, table: ServoTable, n_faces: int | None = None
    ) -> None:
        """Find the actuators that `add_servos` made.

        Args:
            model: Face that they are in.
            table: Servo table it was made with.
            n_faces: Size of a batch in which each face may `exchange` its servos.

        Raises:
            ServoTableError: an actuator is missing, or a joint's range does not cover the table's.
        """
        names = {model.actuator(i).name for i in range(model.nactuator)}
        for row in table.servos:
            if row.dof not in names:
                raise ServoTableError(
                    f"the model has no actuator {row.dof!r}; call add_servos before compiling it"
                )
            joint = model.joint(row.joint)
            lower, upper = joint.range
            tolerance = 1e-6 * (row.joint_range[1] - row.joint_range[0])
            if model.jnt_limited[joint.id] and (
                lower > row.joint_range[0] + tolerance or upper < row.joint_range[1] - tolerance
            ):
                raise ServoTableError(
                    f"row of {row.dof}, column 'joint_range': {row.joint_range} exceeds the "
                    f"model's range ({lower:g}, {upper:g}) of joint {row.joint!r}; make them agree"
                )
        faces = () if n_faces is None else (n_faces,)
        ids = np.array([model.actuator(name).id for name in DOF_NAMES])
        real = model.actuator_dyntype[ids] == int(mujoco.mjtDyn.mjDYN_DCMOTOR)
        self.table = table
        self._shaft_at_0 = table.shaft_from_command(np.zeros(N_DOF))
        self._shaft_travel = table.shaft_from_command(np.ones(N_DOF)) - self._shaft_at_0
        self._ctrl = model.actuator_ctrladr[ids]
        self._output = model.actuator_outadr[ids]
        self._is_real = real
        self._real = np.flatnonzero(real)
        # A dcmotor's activations with `thermal` and `lugre`: winding heat, then bristle deflection.
        self._heat = model.actuator_actadr[ids[real]]
        self._bristle = self._heat + 1
        self._slack, self._coulomb, self._static, self._amperes = np.empty((4, *faces, N_DOF))
        self.exchange(table)

    def exchange(self, table: ServoTable, face: int | EllipsisType = ...) -> None:
        """Take the servos of another table, after `exchange_servos`.

        Args:
            table: Servos with the same joints and linkage.
            face: Which face of a bank for many; all of them if not given.
        """
        types = table.types
        motors = [servo.motor for servo in types]
        coulomb = np.array([motor.friction for motor in motors])
        self._slack[face] = np.where(self._is_real, table.slack, 0.0)
        self._coulomb[face] = coulomb
        self._static[face] = coulomb * np.array([s.static_friction_ratio for s in types])
        self._amperes[face] = np.array([m.current_scale / m.torque_constant for m in motors])

    def targets(self, previous: ArrayLike, commands: ArrayLike) -> Floats:
        """Shaft angles (rad) that the servos head for, after dead band and backlash.

        Args:
            previous: Shaft angles (..., 10) headed for so far, rad.
            commands: New commands (..., 10) in [0, 1].
        """
        wanted = self._shaft_at_0 + np.asarray(commands, float) * self._shaft_travel
        targets: Floats = np.clip(previous, wanted - self._slack, wanted + self._slack)
        return targets

    def send(self, state: ServoState, commands: ArrayLike) -> None:
        """Give the servos new commands (..., 10) in [0, 1]; repeating a command changes nothing."""
        state.ctrl[..., self._ctrl] = self.targets(state.ctrl[..., self._ctrl], commands)

    def shaft_angles(self, state: ServoState) -> Floats:
        """Shaft angles, rad, 0 at rest."""
        return state.actuator_length[..., self._output]

    def shaft_speeds(self, state: ServoState) -> Floats:
        """Shaft speeds, rad/s."""
        return state.actuator_velocity[..., self._output]

    def torques(self, state: ServoState) -> Floats:
        """Torques at the shafts, friction taken off, N.m."""
        return state.actuator_force[..., self._output]

    def temperatures(self, state: ServoState) -> Floats:
        """Winding temperatures, degC; ambient for ideal servos."""
        result = np.full(
            (*state.ctrl.shape[:-1], N_DOF), self.table.ambient_temperature_degc, dtype=float
        )
        result[..., self._real] += state.act[..., self._heat]
        return result

    def currents(self, state: ServoState) -> Floats:
        """Winding currents, A, signed like the motors' torques.

        The motor's torque is the shaft's plus the friction (LuGre: bristle spring and damper).
        """
        torques = self.torques(state).copy()
        speed = self.shaft_speeds(state)[..., self._real]
        bristle = state.act[..., self._bristle]
        coulomb, static = self._coulomb[..., self._real], self._static[..., self._real]
        level = coulomb + (static - coulomb) * np.exp(-((speed / STRIBECK_SPEED) ** 2))
        bristle_rate = speed - BRISTLE_STIFFNESS * np.abs(speed) / level * bristle
        torques[..., self._real] += BRISTLE_STIFFNESS * bristle + BRISTLE_DAMPING * bristle_rate
        currents: Floats = torques * self._amperes
        return currents
