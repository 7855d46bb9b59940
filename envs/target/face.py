"""A face that makes any wanted lips."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.target.deform import LipDeformer, Movement
from envs.target.shape import REST_SHAPE, LipShape
from sim import measurements
from sim.landmarks import INNER_PAIRS
from sim.measurements import LipMeasurements
from sim.model import FACE_MODEL_DIR, load_model
from sim.servo_table import load_servo_table
from sim.skin import SKIN_FILE, SkinModel
from sim.teeth import TEETH_TOLERANCE_M, distance_to_upper_teeth

Floats = NDArray[np.float64]

_ITERATIONS: Final = 4
_BITE_HOLD: Final = 0.4
"""Share of the lips' middle that a lower lip on the teeth keeps from going forward."""
_UPPER, _LOWER = (np.array(rows) for rows in zip(*INNER_PAIRS, strict=True))


class TargetFace:
    """The face of the twin without its servos: the skin takes a wanted lip shape directly.

    It has the twin's surface, landmarks and measurements, and can be drawn by
    `sim.render.FaceRenderer`. The deformation is corrected until what is measured on it is what
    was wanted (aperture, width and protrusion to a few hundredths of a millimetre).
    """

    def __init__(self) -> None:
        self.model = load_model("condensed", load_servo_table())
        self.data = mujoco.MjData(self.model)
        self.skin_model = SkinModel.load(FACE_MODEL_DIR / SKIN_FILE)
        self._deformer = LipDeformer(self.skin_model, self.model.body("jaw").pos)
        self._jaw = self.model.joint("jaw_open").qposadr[0]
        rest = self.skin_model.landmarks(self.skin_model.shell_vertices)
        self._rest_forward_mm = measurements.forward_mm(rest)
        self._rest_width_mm = measurements.width_mm(rest)
        self._spoke_places, self._pair_places = self._places(rest)
        self._shape = REST_SHAPE
        self._points = self.skin_model.shell_vertices
        self.show(REST_SHAPE)

    def show(self, shape: LipShape) -> None:
        """Take a lip shape."""
        self._shape = shape
        self._points = self._solve(shape)
        self.data.qpos[self._jaw] = np.radians(shape.jaw_deg)
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)

    def control_points(self) -> Floats:
        """The 320 points that carry skin and landmarks, (320, 3) m."""
        return self._points.copy()

    def landmarks(self) -> Floats:
        """The 40 lip landmarks (40, 3) m, order `sim.landmarks.LIP_LANDMARKS`."""
        return self.skin_model.landmarks(self._points)

    def measure(self) -> LipMeasurements:
        """What the lips do, by the twin's measures."""
        landmarks = self.landmarks()
        gaps_mm = self.skin_model.lip_gaps(self.skin_model.lip_strips(self._points)) * 1e3
        lip = self.skin_model.lower_lip_points(self._points)
        return LipMeasurements(
            aperture_mm=measurements.aperture_mm(landmarks),
            width_mm=measurements.width_mm(landmarks),
            protrusion_mm=measurements.forward_mm(landmarks) - self._rest_forward_mm,
            jaw_deg=self._shape.jaw_deg,
            lips_touching=bool(gaps_mm.max() <= measurements.TOUCH_TOLERANCE_MM),
            lower_lip_on_teeth=bool(distance_to_upper_teeth(lip).min() <= TEETH_TOLERANCE_M),
        )

    def _places(self, rest: Floats) -> tuple[Floats, Floats]:
        """Signed places along the lips, -1 in the right corner to 1 in the left one, of the
        deformer's gaps (15,) and of the landmark pairs (9,)."""
        n = len(self._deformer.along) // 2
        spokes = self._deformer.along[1:n] * np.sign(np.arange(1, n) - n / 2)
        pairs = -rest[_UPPER, 0]
        corner = np.abs(self.skin_model.shell_vertices[2 * 2 * n, 0])
        return spokes, pairs / corner

    def _solve(self, shape: LipShape) -> Floats:
        """Control points (320, 3) whose landmarks measure what `shape` says."""
        deformer = self._deformer
        width_change = (shape.width_mm - self._rest_width_mm) * 1e-3
        forward = shape.protrusion_mm * 1e-3
        wanted = deformer.opening(shape.aperture_mm * 1e-3, width_change, forward)
        wanted_pairs = np.interp(self._pair_places, self._spoke_places, wanted)
        movement = Movement(
            jaw_rad=float(np.radians(shape.jaw_deg)),
            stretch=0.5 * width_change,
            forward=forward,
            gaps=wanted + 2.0 * self.skin_model.thickness,
            bite=shape.lip_to_teeth,
            press=shape.closure,
        )
        pushed = 1.0 / (1.0 - _BITE_HOLD * shape.lip_to_teeth)
        points = deformer.deform(movement)
        for _ in range(_ITERATIONS):
            landmarks = self.skin_model.landmarks(points)
            width_mm = measurements.width_mm(landmarks)
            forward_mm = measurements.forward_mm(landmarks) - self._rest_forward_mm
            missing = wanted_pairs - (landmarks[_UPPER, 2] - landmarks[_LOWER, 2])
            movement = replace(
                movement,
                stretch=movement.stretch + 0.5e-3 * (shape.width_mm - width_mm),
                forward=movement.forward + pushed * 1e-3 * (shape.protrusion_mm - forward_mm),
                gaps=movement.gaps + np.interp(self._spoke_places, self._pair_places, missing),
            )
            points = deformer.deform(movement)
        return points
