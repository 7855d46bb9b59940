"""Domain randomisation: faces that differ as real ones do.

`Randomisation` holds ranges, `Randomisation.sample` draws a `Variation` from them, and
`VariedFace` gives a twin that variation in place, several times faster than making a new one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim import N_DOF, FaceTwin, ServoTable, load_servo_table
from sim.model import Skin

Floats = NDArray[np.float64]
Range = tuple[float, float]

PHYSICAL_FIELDS: Final = (
    "actuator_gainprm",
    "actuator_biasprm",
    "actuator_dynprm",
    "actuator_forcerange",
    "actuator_delay",
    "tendon_stiffness",
    "tendon_damping",
)
"""Fields of the model in which the physics of varied faces differs."""
_SKIN_FIELDS: Final = ("tendon_stiffness", "tendon_damping")
_VISUAL_FIELDS: Final = ("cam_pos", "cam_fovy", "cam_quat", "light_diffuse", "light_pos")


@dataclass(frozen=True)
class Randomisation:
    """Ranges (least, greatest) that each face is drawn from, evenly; the ends may be equal.

    The ranges are chosen around what the servo table marks as estimates and what a camera on a
    desk does; they are not measured.

    Attributes:
        servo_speed: factor on the no-load speed, each servo by itself.
        servo_gain: factor on the stiffness of the position controller, each servo by itself.
        servo_latency_s: latency, each servo by itself; rounded to time steps of the simulation.
        servo_backlash_deg: gap of the gears, each servo by itself.
        skin_stiffness: factor on the stiffness and damping of the skin (condensed skin only).
        camera_shift_m: shift of all cameras along each axis.
        camera_turn_deg: turn of all cameras about each axis.
        camera_zoom: factor on the cameras' field of view.
        light: factor on the brightness of each lamp and colour.
        light_shift_m: shift of each lamp along each axis.

    Raises:
        ValueError: a range that is not finite, upside down or beyond what is possible.
    """

    servo_speed: Range = (0.85, 1.15)
    servo_gain: Range = (0.8, 1.25)
    servo_latency_s: Range = (0.010, 0.030)
    servo_backlash_deg: Range = (0.2, 1.5)
    skin_stiffness: Range = (0.7, 1.4)
    camera_shift_m: Range = (-0.003, 0.003)
    camera_turn_deg: Range = (-1.0, 1.0)
    camera_zoom: Range = (0.95, 1.05)
    light: Range = (0.8, 1.2)
    light_shift_m: Range = (-0.1, 0.1)

    def __post_init__(self) -> None:
        for field in fields(self):
            least, greatest = getattr(self, field.name)
            if not (np.isfinite([least, greatest]).all() and least <= greatest):
                raise ValueError(f"{field.name} is {(least, greatest)}; give (least, greatest)")
            is_factor = field.name in _FACTORS
            if (is_factor and least <= 0) or (field.name in _NOT_NEGATIVE and least < 0):
                wanted = "above 0" if is_factor else "0 or more"
                raise ValueError(f"{field.name} is {(least, greatest)}; both must be {wanted}")

    def sample(self, rng: np.random.Generator, n_lights: int) -> Variation:
        """One face."""
        return Variation(
            servo_speed=rng.uniform(*self.servo_speed, N_DOF),
            servo_gain=rng.uniform(*self.servo_gain, N_DOF),
            servo_latency_s=rng.uniform(*self.servo_latency_s, N_DOF),
            servo_backlash_deg=rng.uniform(*self.servo_backlash_deg, N_DOF),
            skin_stiffness=float(rng.uniform(*self.skin_stiffness)),
            camera_shift_m=rng.uniform(*self.camera_shift_m, 3),
            camera_turn_deg=rng.uniform(*self.camera_turn_deg, 3),
            camera_zoom=float(rng.uniform(*self.camera_zoom)),
            light=rng.uniform(*self.light, (n_lights, 3)),
            light_shift_m=rng.uniform(*self.light_shift_m, (n_lights, 3)),
        )


_FACTORS: Final = {"servo_speed", "servo_gain", "skin_stiffness", "camera_zoom"}
_NOT_NEGATIVE: Final = {"servo_latency_s", "servo_backlash_deg", "light"}


@dataclass(frozen=True, eq=False)
class Variation:
    """One face drawn from `Randomisation`; its attributes, with one value (10,) per servo, (3,)
    per axis and (lamps, 3) per lamp and colour or axis."""

    servo_speed: Floats
    servo_gain: Floats
    servo_latency_s: Floats
    servo_backlash_deg: Floats
    skin_stiffness: float
    camera_shift_m: Floats
    camera_turn_deg: Floats
    camera_zoom: float
    light: Floats
    light_shift_m: Floats

    def servos(self, table: ServoTable) -> ServoTable:
        """A table in which every servo is a type of its own."""
        types, rows = {}, []
        for k, (row, servo) in enumerate(zip(table.servos, table.types, strict=True)):
            name = f"{row.servo} of {row.dof}"
            types[name] = servo.model_copy(
                update={
                    "no_load_speed": servo.no_load_speed * self.servo_speed[k],
                    "stiffness": servo.stiffness * self.servo_gain[k],
                    "latency": float(self.servo_latency_s[k]),
                    "backlash_deg": float(self.servo_backlash_deg[k]),
                }
            )
            rows.append(row.model_copy(update={"servo": name}))
        return table.model_copy(update={"servo_types": types, "servos": tuple(rows)})


class VariedFace:
    """A twin that takes variations.

    Args:
        ranges: that the variations come from; None where all faces are alike.
        skin: of the twin.
        servos: nominal servo table; by default the face model's.

    Raises:
        ValueError: another than the condensed skin cannot be made stiffer.
    """

    def __init__(
        self,
        ranges: Randomisation | None = None,
        skin: Skin = "condensed",
        servos: ServoTable | None = None,
    ) -> None:
        self.ranges = ranges
        self.nominal_servos = servos if servos is not None else load_servo_table()
        if ranges is None:
            self.twin = FaceTwin(skin, self.nominal_servos)
            return
        if skin != "condensed" and ranges.skin_stiffness != (1.0, 1.0):
            raise ValueError(
                f"the stiffness of the {skin} skin cannot be varied; "
                "set skin_stiffness to (1, 1) or use the condensed skin"
            )
        slowest = {
            name: servo.model_copy(update={"latency": ranges.servo_latency_s[1]})
            for name, servo in self.nominal_servos.servo_types.items()
        }
        self.twin = FaceTwin(skin, self.nominal_servos.model_copy(update={"servo_types": slowest}))
        model = self.twin.model
        self._nominal = {
            name: getattr(model, name).copy() for name in (*_SKIN_FIELDS, *_VISUAL_FIELDS)
        }

    def vary(self, rng: np.random.Generator) -> Variation | None:
        """Take a random variation and come to rest; nothing where all faces are alike."""
        if self.ranges is None:
            self.twin.reset()
            return None
        model = self.twin.model
        variation = self.ranges.sample(rng, model.nlight)
        self.wear(variation)
        return variation

    def wear(self, variation: Variation) -> None:
        """Take a variation and come to rest."""
        for name in _SKIN_FIELDS:
            nominal = self._nominal[name]
            getattr(self.twin.model, name)[:] = nominal * variation.skin_stiffness
        self.light(variation)
        self.twin.refit(variation.servos(self.nominal_servos))

    def light(self, variation: Variation) -> None:
        """Take the cameras and lamps of a variation, and nothing that moves."""
        model, nominal = self.twin.model, self._nominal
        model.cam_pos[:] = nominal["cam_pos"] + variation.camera_shift_m
        model.cam_fovy[:] = nominal["cam_fovy"] * variation.camera_zoom
        turn = np.zeros(4)
        mujoco.mju_euler2Quat(turn, np.radians(variation.camera_turn_deg), "xyz")
        for camera, quaternion in enumerate(nominal["cam_quat"]):
            mujoco.mju_mulQuat(model.cam_quat[camera], quaternion, turn)
        model.light_diffuse[:] = nominal["light_diffuse"] * variation.light
        model.light_pos[:] = nominal["light_pos"] + variation.light_shift_m
