"""What a trajectory may ask for: of each servo, from its datasheet, and of the face as a whole.

Motion limits follow from the servo table (`assets/face_model/servos.yaml`):

- speed: the no-load speed at the supply voltage. Loaded servos are slower; what the load does is
  seen in the simulation, by torque and tracking error.
- acceleration: stall torque over rotor inertia, both at the shaft: the most that the motor can do,
  from standstill and without load.
- jerk: that acceleration built up over the time constant of the position controller,
  1 / natural frequency. A controller of that bandwidth cannot turn a command into torque faster;
  what is asked beyond it only excites gears and backlash.

The rest is data in `limits.yaml`, each figure with its reason.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from scipy.optimize import brentq

from sim.servo_table import ServoTable, ServoType

Floats = NDArray[np.float64]

LIMITS_PATH: Final = Path(__file__).with_name("limits.yaml")

Positive = Annotated[float, Field(gt=0)]


class LimitsError(ValueError):
    """A file of limits that cannot be used; the message names file, entry and value."""


class Limits(BaseModel):
    """What the face as a whole may be asked for; `limits.yaml` gives the reasons."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    supply_current: Positive
    """A."""
    supply_window: Positive
    """s."""
    torque_share: Annotated[float, Field(gt=0, le=1)]
    torque_window: Positive
    """s."""
    skin_strain: Positive
    lip_overlap_mm: Positive
    tracking_error: Annotated[float, Field(gt=0, le=1)]
    """Share of the travel."""


def load_limits(path: str | os.PathLike[str] | None = None) -> Limits:
    """Read limits; without a path, the shipped ones.

    Raises:
        LimitsError: the file cannot be read, is not YAML, or an entry is missing or no limit.
    """
    path = LIMITS_PATH if path is None else Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LimitsError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LimitsError(f"{path}: is not valid YAML; {error}") from error
    if not isinstance(content, dict):
        raise LimitsError(f"{path}: holds no limits; it needs {', '.join(Limits.model_fields)}")
    try:
        return Limits.model_validate(content)
    except ValidationError as error:
        lines = []
        for detail in error.errors(include_url=False):
            place = ".".join(map(str, detail["loc"]))
            value = "" if isinstance(detail["input"], dict) else f"{detail['input']!r}: "
            lines.append(f"{path}: {place}: {value}{detail['msg']}")
        raise LimitsError("\n".join(lines)) from error


@dataclass(frozen=True)
class MotionLimits:
    """What each servo's shaft can do; arrays (10,), canonical order.

    Attributes:
        speed: rad/s.
        acceleration: rad/s2.
        jerk: rad/s3.
        window_s: length of each moving average through which motion is judged, s.
        delay_s: time from a command to the shaft's following it, s.
    """

    speed: Floats
    acceleration: Floats
    jerk: Floats
    window_s: Floats
    delay_s: Floats


def motion_limits(table: ServoTable) -> MotionLimits:
    """Limits of motion of every servo of a table."""
    types = table.types
    voltage_share = np.array([table.supply_voltage / t.nominal_voltage for t in types])
    inertia = np.array([t.rotor_inertia for t in types])
    frequency = np.array([natural_frequency(t) for t in types])
    acceleration = table.torque_limits / inertia
    return MotionLimits(
        speed=voltage_share * np.array([t.no_load_speed for t in types]),
        acceleration=acceleration,
        jerk=acceleration * frequency,
        window_s=np.array([averaging_window_s(t) for t in types]),
        # The delay of a second-order loop for slow signals is 2 * damping ratio / frequency.
        delay_s=np.array([t.latency + 2 * t.damping_ratio / natural_frequency(t) for t in types]),
    )


def natural_frequency(servo: ServoType) -> float:
    """Of the position controller with the rotor's inertia, rad/s."""
    return math.sqrt(servo.stiffness / servo.rotor_inertia)


def bandwidth_hz(servo: ServoType) -> float:
    """Frequency at which the position loop has lost half its power (-3 dB), Hz.

    Standard result for a second-order low-pass of a damping ratio.
    """
    tilt = 1 - 2 * servo.damping_ratio**2
    return natural_frequency(servo) * math.sqrt(tilt + math.sqrt(tilt**2 + 1)) / (2 * math.pi)


def averaging_window_s(servo: ServoType) -> float:
    """Length of three equal moving averages that together have the position loop's bandwidth, s.

    A moving average of length T passes the share sinc(f T) of a frequency f; three in a row pass
    its cube.
    """
    half_power = brentq(lambda product: np.sinc(product) ** 3 - math.sqrt(0.5), 1e-3, 0.99)
    return float(half_power / bandwidth_hz(servo))
