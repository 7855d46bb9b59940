"""The digital twin: ten servo commands in, a moving face out."""

from dataclasses import dataclass
from typing import Final

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim import measurements
from sim.dof import DOF_NAMES, N_DOF
from sim.measurements import LipMeasurements
from sim.model import FACE_MODEL_DIR, Skin, load_model
from sim.posing import SkinPoser
from sim.servo_table import ServoTable, load_servo_table
from sim.servos import ServoBank, exchange_servos
from sim.skin import SKIN_FILE, SkinModel
from sim.teeth import TEETH_TOLERANCE_M, distance_to_upper_teeth

Floats = NDArray[np.float64]

_STATE: Final = mujoco.mjtState.mjSTATE_INTEGRATION
_SETTLE_S: Final = 0.6


@dataclass(frozen=True)
class TwinState:
    """A moment of a twin, to return to. It fits twins of the same skin and servos."""

    skin: Skin
    integration: Floats
    time_carry_s: float


@dataclass(frozen=True)
class LipContact:
    """Contact of the lips with each other. penetration_mm: deepest overlap: of the skin with itself
    in the shell; of the soft capsules inside the lips, so how far they are squeezed, in the
    condensed tier."""

    count: int
    penetration_mm: float


class FaceTwin:
    """A robot face with ten servos under a soft skin.

    Args:
        skin: "condensed" (fast) or "shell" (finite elements, fidelity).
        servos: servo table; by default the face model's `servos.yaml`.
        ideal_servos: servos without limits of speed and torque, delay or slack.

    Arrays of ten follow `sim.DOF_NAMES`. Lengths are metres in the face frame (origin at the
    centre of the closed lips, +x the subject's right, +y forward, +z up) unless the name says mm.
    """

    def __init__(
        self,
        skin: Skin = "condensed",
        servos: ServoTable | None = None,
        *,
        ideal_servos: bool = False,
    ) -> None:
        self.skin: Skin = skin
        self.servos = servos if servos is not None else load_servo_table()
        self.model = load_model(skin, self.servos, ideal_servos=ideal_servos)
        self.data = mujoco.MjData(self.model)
        self.skin_model = SkinModel.load(FACE_MODEL_DIR / SKIN_FILE)
        self._bank = ServoBank(self.model, self.servos)
        self._joints = np.array([self.model.joint(name).qposadr[0] for name in DOF_NAMES])
        self._speeds = np.array([self.model.joint(name).dofadr[0] for name in DOF_NAMES])
        self._poser = SkinPoser(self.model, self.servos, self.skin_model)
        self._lip_geoms = {self.model.geom(f"{side}_lip_contact").id for side in ("upper", "lower")}
        self._jaw = self.model.body("jaw").id
        self._time_carry_s = 0.0
        self._settle()

    def _settle(self) -> None:
        """Let gravity and the skin come to rest under the rest commands, then start the clock."""
        mujoco.mj_resetData(self.model, self.data)
        self._time_carry_s = 0.0
        self.step(self.rest_commands, _SETTLE_S)
        self.data.qvel[:] = 0.0
        self.data.time = 0.0
        self._time_carry_s = 0.0
        self._forget_commands()
        mujoco.mj_forward(self.model, self.data)
        self._rest_state = self.save_state()
        self._rest_forward_mm = measurements.forward_mm(self.landmarks())

    def _forget_commands(self) -> None:
        """Make the servos' memory of late commands say that the present ones have always been
        there. It tells them apart by time, so it would hold back nothing once the clock is set
        back."""
        for servo in range(self.model.nactuator):
            samples = self.model.actuator_history[servo, 0]
            if samples:
                times = self.model.opt.timestep * np.arange(-samples, 0.0)
                wanted = self.data.ctrl[self.model.actuator_ctrladr[servo]]
                mujoco.mj_initCtrlHistory(
                    self.model, self.data, servo, times, np.full((samples, 1), wanted)
                )

    def refit(self, servos: ServoTable) -> None:
        """Exchange the servos in place and settle again, much faster than a new twin is made.

        Parameters of `model` that were changed before (stiffness of the skin, for one) count too.
        States saved before are of another face.

        Raises:
            ServoTableError: the servos differ in joints, linkage or rotor inertia, or have more
                latency than those the twin was made with (see `sim.servos.exchange_servos`).
        """
        exchange_servos(self.model, servos)
        self._bank.exchange(servos)
        self.servos = servos
        self._settle()

    @property
    def rest_commands(self) -> Floats:
        """Commands (10,) at which every joint is at its rest position."""
        return self.servos.rest_commands

    @property
    def time_s(self) -> float:
        """Simulated time since `reset`."""
        return float(self.data.time) + self._time_carry_s

    def reset(self) -> None:
        """Return to rest at time 0, servos at ambient temperature."""
        self.restore_state(self._rest_state)

    def step(self, commands: ArrayLike, duration_s: float) -> None:
        """Hold commands (10,) in [0, 1] for a while, at any command rate.

        Time that is not a whole number of simulation steps is carried to the next call, so that
        no rate drifts.

        Raises:
            ValueError: wrong shape, not finite, outside [0, 1], or a duration that is not
                positive.
            FloatingPointError: the simulation diverged.
        """
        self._bank.send(self.data, check_commands(commands))
        if not duration_s > 0 or not np.isfinite(duration_s):
            raise ValueError(f"duration_s is {duration_s}; give a positive time in seconds")
        timestep = self.model.opt.timestep
        wanted = duration_s + self._time_carry_s
        steps = int(wanted / timestep + 1e-9)
        self._time_carry_s = wanted - steps * timestep
        if steps:
            mujoco.mj_step(self.model, self.data, nstep=steps)
            # positions and poses of the end of the last step, not of its start
            mujoco.mj_kinematics(self.model, self.data)
            mujoco.mj_comPos(self.model, self.data)
            if self.model.nflex:
                mujoco.mj_flex(self.model, self.data)
        if self.data.warning[mujoco.mjtWarning.mjWARN_BADQACC].number:
            raise FloatingPointError(
                f"the {self.skin} simulation diverged at {self.time_s:.3f} s under commands "
                f"{np.array2string(np.asarray(commands, float), precision=3)}"
            )

    def save_state(self) -> TwinState:
        """Everything needed to return to this moment bit by bit."""
        state = np.empty(mujoco.mj_stateSize(self.model, _STATE))
        mujoco.mj_getState(self.model, self.data, state, _STATE)
        return TwinState(self.skin, state, self._time_carry_s)

    def restore_state(self, state: TwinState) -> None:
        """Return to a saved moment.

        Raises:
            ValueError: the state is of another skin or servo model.
        """
        size = mujoco.mj_stateSize(self.model, _STATE)
        if state.skin != self.skin or len(state.integration) != size:
            raise ValueError(
                f"this state is of a {state.skin!r} twin with {len(state.integration)} numbers, "
                f"this twin is {self.skin!r} with {size}; restore it on a twin made the same way"
            )
        mujoco.mj_resetData(self.model, self.data)
        mujoco.mj_setState(self.model, self.data, state.integration, _STATE)
        mujoco.mj_forward(self.model, self.data)
        mujoco.mj_setState(self.model, self.data, state.integration, _STATE)
        self._time_carry_s = state.time_carry_s

    # -- what the servos report

    def joint_positions(self) -> Floats:
        """Joint positions (10,), rad for hinges and m for slides."""
        return self.data.qpos[self._joints].copy()

    def joint_velocities(self) -> Floats:
        """Joint velocities (10,), rad/s for hinges and m/s for slides."""
        return self.data.qvel[self._speeds].copy()

    def servo_torques(self) -> Floats:
        """Shaft torques (10,), N.m."""
        return self._bank.torques(self.data).copy()

    def servo_temperatures(self) -> Floats:
        """Winding temperatures (10,), degC."""
        return self._bank.temperatures(self.data)

    def servo_currents(self) -> Floats:
        """Winding currents (10,), A."""
        return self._bank.currents(self.data)

    # -- the skin

    def control_points(self) -> Floats:
        """The 320 points that carry skin and landmarks, (320, 3) m."""
        if self.skin == "shell":
            return self.data.flexvert_xpos.reshape(-1, 3).copy()
        return self._poser.control_points(self.data)

    def landmarks(self) -> Floats:
        """The 40 lip landmarks (40, 3) m, order `sim.landmarks.LIP_LANDMARKS`."""
        return self.skin_model.landmarks(self.control_points())

    def skin_strain(self) -> Floats:
        """Largest principal engineering strain of each shell triangle, (m,), 0 at rest.

        Raises:
            ValueError: the condensed skin has no strain of its own.
        """
        if self.skin != "shell":
            raise ValueError("skin strain needs FaceTwin(skin='shell')")
        return self.skin_model.principal_stretch(self.control_points()) - 1.0

    def lip_contact(self) -> LipContact:
        """Contacts between the lips (shell: of the skin with itself)."""
        contacts = self.data.contact
        if self.skin == "shell":
            lips = (contacts.flex >= 0).all(axis=1)
        else:
            lips = np.isin(contacts.geom, list(self._lip_geoms)).all(axis=1)
        distances = contacts.dist[lips]
        return LipContact(len(distances), float(-min(0.0, distances.min(initial=0.0)) * 1e3))

    # -- lips in words

    def measure(self) -> LipMeasurements:
        """All named quantities at once."""
        points = self.control_points()
        strips = self.skin_model.lip_strips(points)
        landmarks = self.skin_model.landmarks(points, strips)
        return LipMeasurements(
            aperture_mm=measurements.aperture_mm(landmarks),
            width_mm=measurements.width_mm(landmarks),
            protrusion_mm=measurements.forward_mm(landmarks) - self._rest_forward_mm,
            jaw_deg=self.jaw_deg(),
            lips_touching=self._touching(strips),
            lower_lip_on_teeth=self._on_teeth(points),
        )

    def aperture_mm(self) -> float:
        """Opening between the lips on the midline, mm, 0 when closed."""
        return measurements.aperture_mm(self.landmarks())

    def width_mm(self) -> float:
        """Distance between the mouth corners, mm."""
        return measurements.width_mm(self.landmarks())

    def protrusion_mm(self) -> float:
        """How far the middle of the lips is forward of its rest position, mm."""
        return measurements.forward_mm(self.landmarks()) - self._rest_forward_mm

    def jaw_deg(self) -> float:
        """Jaw opening, degrees."""
        return float(np.degrees(self.data.qpos[self._joints[0]]))

    def lips_touching(self) -> bool:
        """Whether the lips are closed along the whole lip line."""
        return self._touching(self.skin_model.lip_strips(self.control_points()))

    def lower_lip_on_teeth(self) -> bool:
        """Whether the middle of the lower lip touches the upper teeth."""
        return self._on_teeth(self.control_points())

    def _touching(self, strips: Floats) -> bool:
        gaps_mm = self.skin_model.lip_gaps(strips) * 1e3
        return bool(gaps_mm.max() <= measurements.TOUCH_TOLERANCE_MM)

    def _on_teeth(self, control_points: Floats) -> bool:
        lip = self.skin_model.lower_lip_points(control_points)
        return bool(distance_to_upper_teeth(lip).min() <= TEETH_TOLERANCE_M)


def check_commands(commands: ArrayLike) -> Floats:
    """Commands as an array (10,).

    Raises:
        ValueError: wrong shape, not finite or outside [0, 1]; names the degree of freedom.
    """
    array = np.asarray(commands, dtype=float)
    if array.shape != (N_DOF,):
        raise ValueError(f"commands have shape {array.shape}; give {N_DOF}: {', '.join(DOF_NAMES)}")
    bad = ~((array >= 0.0) & (array <= 1.0))
    if bad.any():
        k = int(np.flatnonzero(bad)[0])
        raise ValueError(f"command {DOF_NAMES[k]} is {array[k]}; commands lie in [0, 1]")
    return array
