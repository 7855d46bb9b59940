"""ARKit's blend shapes of the mouth: their names, however spelt, and what they do to the lips."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.speech.lips import REST_WIDTH_MM, LipCurves

Floats = NDArray[np.float64]

_SIDES = ("Left", "Right")

_PAIRED = (
    "browDown", "browOuterUp", "cheekSquint", "eyeBlink", "eyeLookDown", "eyeLookIn", "eyeLookOut",
    "eyeLookUp", "eyeSquint", "eyeWide", "mouthDimple", "mouthFrown", "mouthLowerDown",
    "mouthPress", "mouthSmile", "mouthStretch", "mouthUpperUp", "noseSneer",
)  # fmt: skip
_SINGLE = (
    "browInnerUp", "cheekPuff", "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose",
    "mouthFunnel", "mouthLeft", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper",
    "mouthShrugLower", "mouthShrugUpper", "tongueOut",
)  # fmt: skip

BLEND_SHAPES: Final = (*_SINGLE, *(name + side for name in _PAIRED for side in _SIDES))
"""The 52 names of Apple's `ARFaceAnchor.BlendShapeLocation`."""

REQUIRED_SHAPES: Final = ("jawOpen", "mouthFunnel", "mouthPucker")
"""A capture without these says too little about speech; any other shape that is absent is 0."""

MAX_APERTURE_MM: Final = 20.0
MAX_JAW_DEG: Final = 12.0
WIDTH_RANGE_MM: Final = (42.0, 62.0)
MAX_PROTRUSION_MM: Final = 6.0
MIN_PROTRUSION_MM: Final = -3.0
"""The ends of adult speech; a capture that goes further (a yawn, a grin) is held there."""

CLOSURE_DEPTH_MM: Final = 3.0
"""How far below touching the summed aperture must be for a full closure."""

LIP_TO_TEETH_GAIN: Final = 3.0
"""ARKit has no shape for f and v. What shows is the lower lip rolled in without the upper one: a
third of that shape's range is taken for contact with the teeth."""


@dataclass(frozen=True)
class Effect:
    """What a blend shape at 1 adds to the lips; a left and right pair counts with its mean."""

    aperture_mm: float = 0.0
    width_mm: float = 0.0
    protrusion_mm: float = 0.0
    jaw_deg: float = 0.0


EFFECTS: Final[dict[str, Effect]] = {
    "jawOpen": Effect(aperture_mm=28.0, width_mm=-2.0, jaw_deg=16.0),
    "mouthClose": Effect(aperture_mm=-28.0),
    "mouthFunnel": Effect(width_mm=-5.0, protrusion_mm=5.0, aperture_mm=2.0),
    "mouthPucker": Effect(width_mm=-8.0, protrusion_mm=6.0),
    "mouthSmile": Effect(width_mm=10.0, protrusion_mm=-1.0),
    "mouthStretch": Effect(width_mm=10.0),
    "mouthDimple": Effect(width_mm=5.0),
    "mouthLowerDown": Effect(aperture_mm=5.0),
    "mouthUpperUp": Effect(aperture_mm=4.0),
    "mouthPress": Effect(aperture_mm=-6.0),
    "mouthRollLower": Effect(protrusion_mm=-1.5, aperture_mm=-1.0),
    "mouthRollUpper": Effect(protrusion_mm=-1.5, aperture_mm=-2.0),
    "mouthShrugLower": Effect(aperture_mm=-3.0, protrusion_mm=0.5),
    "jawForward": Effect(protrusion_mm=0.5),
}
"""The map. Its signs and pairings are those of Apple's descriptions of the shapes (mouthClose is
the lips closing whatever the jaw does, so it cancels jawOpen); its sizes put full shapes at the
ends of adult anatomy, and jawOpen so that the 0.3 to 0.4 of loud speech open 8 to 11 mm."""


def canonical_name(spelling: str) -> str | None:
    """Apple's name for a column, or None: jawOpen, JawOpen, jaw_open, EyeBlinkLeft, eyeBlink_L."""
    name = re.sub(r"_[Ll]$", "Left", re.sub(r"_[Rr]$", "Right", spelling.strip()))
    return _BY_KEY.get(re.sub(r"[ _-]", "", name).lower())


_BY_KEY = {name.lower(): name for name in BLEND_SHAPES}


def lip_curves(times_s: Floats, shapes: dict[str, Floats]) -> LipCurves:
    """The lips that blend shapes make.

    Args:
        times_s: (n,) seconds, from 0 up, strictly increasing.
        shapes: activations (n,) in 0..1 by Apple's name; absent ones are 0.
    """
    zero = np.zeros_like(times_s)

    def activation(name: str) -> Floats:
        if name in shapes:
            return shapes[name]
        left, right = (shapes.get(name + side, zero) for side in _SIDES)
        return (left + right) / 2

    aperture, width, protrusion, jaw = (
        sum(
            (getattr(effect, quantity) * activation(name) for name, effect in EFFECTS.items()), zero
        )
        for quantity in ("aperture_mm", "width_mm", "protrusion_mm", "jaw_deg")
    )
    only_lower_lip_in = activation("mouthRollLower") - activation("mouthRollUpper")
    return LipCurves(
        times_s=times_s,
        aperture_mm=np.clip(aperture, 0.0, MAX_APERTURE_MM),
        width_mm=np.clip(REST_WIDTH_MM + width, *WIDTH_RANGE_MM),
        protrusion_mm=np.clip(protrusion, MIN_PROTRUSION_MM, MAX_PROTRUSION_MM),
        jaw_deg=np.clip(jaw, 0.0, MAX_JAW_DEG),
        lip_to_teeth=np.clip(LIP_TO_TEETH_GAIN * only_lower_lip_in, 0.0, 1.0),
        closure=np.clip(-aperture / CLOSURE_DEPTH_MM, 0.0, 1.0),
    )
