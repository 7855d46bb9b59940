"""The servo table: which servo drives which joint, and what its datasheet says.

The linkage is linear: a servo's shaft turns `travel_deg` over its joint's range. Shaft angles are
0 at rest.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import numpy as np
import yaml
from numpy.typing import ArrayLike, NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from sim.dof import DOF_NAMES

Floats = NDArray[np.float64]

SERVO_TABLE_PATH: Final = (
    Path(__file__).resolve().parents[1] / "assets" / "face_model" / "servos.yaml"
)
"""Servo table used when none is named."""

REST_TOLERANCE: Final = 0.005
"""Greatest difference of a table's rounded rest command from the one its joint range gives."""

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]


class ServoTableError(ValueError):
    """A servo table that cannot be used; the message names file, row, column and value."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class MotorConstants:
    """Parameters of the ideal DC motor that has a servo's datasheet at its output shaft."""

    torque_constant: float
    """N.m/A, equally V.s/rad."""
    resistance: float
    """Ohm, at ambient temperature."""
    friction: float
    """Coulomb friction torque, N.m."""
    current_scale: float
    """Current of the real servo per current of the ideal motor."""


class ServoType(_Table):
    """Datasheet of one kind of servo; torques, speeds and inertia at the output shaft, SI units."""

    source: str
    """Where the values come from."""
    nominal_voltage: Positive
    stall_torque: Positive
    no_load_speed: Positive
    stall_current: Positive
    no_load_current: Positive
    latency: NonNegative
    """From a command's arrival to the start of the drive, s."""
    dead_band_deg: NonNegative
    """Greatest shaft error, to either side, that the controller ignores."""
    backlash_deg: NonNegative
    """Whole gap of the gears, at the shaft."""
    rotor_inertia: Positive
    """kg.m2."""
    stiffness: Positive
    """Proportional gain of the position controller, N.m/rad."""
    damping_ratio: Positive
    """Of the controller with the rotor inertia."""
    static_friction_ratio: Annotated[float, Field(ge=1)]
    """Static over Coulomb friction."""
    thermal_resistance: Positive
    """Winding to ambient, K/W."""
    thermal_time_constant: Positive
    """s."""
    max_temperature_degc: float
    """At which the servo protects itself."""

    @model_validator(mode="after")
    def _check_currents(self) -> Self:
        if self.no_load_current >= self.stall_current:
            raise ValueError(
                f"no_load_current {self.no_load_current:g} A is not below "
                f"stall_current {self.stall_current:g} A; check which is which in the datasheet"
            )
        return self

    @property
    def motor(self) -> MotorConstants:
        """The ideal motor with this datasheet.

        Friction drinks the no-load current's share of the gross torque; what is left at stall and
        at no load are the datasheet's stall torque and no-load speed.
        """
        friction_share = self.no_load_current / self.stall_current
        gross_torque = self.stall_torque / (1 - friction_share)
        constant = self.nominal_voltage / self.no_load_speed * (1 - friction_share)
        resistance = constant * self.nominal_voltage / gross_torque
        return MotorConstants(
            torque_constant=constant,
            resistance=resistance,
            friction=friction_share * gross_torque,
            current_scale=self.stall_current * resistance / self.nominal_voltage,
        )

    @property
    def slack(self) -> float:
        """Half-width of the play that dead band and backlash make together, rad at the shaft."""
        return math.radians(self.dead_band_deg + self.backlash_deg / 2)

    def torque_limit(self, supply_voltage: float) -> float:
        """Stall torque (N.m) of a cold servo at a supply voltage (V)."""
        motor = self.motor
        return motor.torque_constant * supply_voltage / motor.resistance - motor.friction


class ServoRow(_Table):
    """One degree of freedom: the joint, the servo that drives it, and the linkage between."""

    dof: str
    joint: str
    joint_range: tuple[float, float]
    """Joint positions at command 0 and 1; rad for hinges, m for slides."""
    rest: Annotated[float, Field(ge=0, le=1)]
    """Command at which the joint is at 0."""
    travel_deg: Annotated[float, Field(ge=20, le=80)]
    """Turn of the shaft over the joint range."""
    servo: str
    """Name of a servo type."""
    bus_id: Annotated[int, Field(ge=1, le=10)]
    direction: Literal[-1, 1]
    """+1 if the shaft angle grows with the command."""

    @field_validator("dof")
    @classmethod
    def _check_dof(cls, dof: str) -> str:
        if dof not in DOF_NAMES:
            raise ValueError(f"is no degree of freedom; use one of {', '.join(DOF_NAMES)}")
        return dof

    @field_validator("joint_range")
    @classmethod
    def _check_range(cls, joint_range: tuple[float, float]) -> tuple[float, float]:
        lower, upper = joint_range
        if lower >= upper:
            raise ValueError("is inverted or empty; give the lower end first, then the upper")
        if not lower <= 0 <= upper:
            raise ValueError("leaves out 0, where the joint rests; give a range that holds 0")
        return joint_range

    @field_validator("rest")
    @classmethod
    def _check_rest(cls, rest: float, info: ValidationInfo) -> float:
        joint_range = info.data.get("joint_range")
        if joint_range is not None:
            lower, upper = joint_range
            wanted = -lower / (upper - lower)
            if abs(rest - wanted) > REST_TOLERANCE:
                raise ValueError(f"does not match joint_range; its joint is at 0 at {wanted:.3f}")
        return rest


class ServoTable(_Table):
    """The servos of a face, one row per degree of freedom.

    Arrays have the shape (10,) and canonical order. Conversions take any shape (..., 10).
    For a variant use `model_copy(update=...)`, which does not validate again.
    """

    supply_voltage: Positive
    """V."""
    ambient_temperature_degc: float
    servo_types: Mapping[str, ServoType]
    servos: tuple[ServoRow, ...]
    """Rows in canonical order, whatever the file's order."""

    @field_validator("servos")
    @classmethod
    def _check_rows(cls, rows: tuple[ServoRow, ...]) -> tuple[ServoRow, ...]:
        for column in ("dof", "joint", "bus_id"):
            values = [getattr(row, column) for row in rows]
            for value, count in Counter(values).items():
                if count > 1:
                    where = ", ".join(str(i + 1) for i, v in enumerate(values) if v == value)
                    raise ValueError(
                        f"rows {where}, column '{column}': {value!r} is used {count} times; "
                        "every row needs its own"
                    )
        missing = [name for name in DOF_NAMES if name not in {row.dof for row in rows}]
        if missing:
            raise ValueError(f"column 'dof': no row for {', '.join(missing)}; add one row for each")
        return tuple(sorted(rows, key=lambda row: DOF_NAMES.index(row.dof)))

    @model_validator(mode="after")
    def _check_types(self) -> Self:
        for row in self.servos:
            if row.servo not in self.servo_types:
                raise ValueError(
                    f"row of {row.dof}, column 'servo': {row.servo!r} is not in servo_types; "
                    f"use one of {', '.join(self.servo_types)}, or add it there"
                )
        return self

    @property
    def types(self) -> tuple[ServoType, ...]:
        """Servo type of each degree of freedom."""
        return tuple(self.servo_types[row.servo] for row in self.servos)

    @property
    def joint_lower(self) -> Floats:
        """Joint positions at command 0, rad or m."""
        return np.array([row.joint_range[0] for row in self.servos])

    @property
    def joint_width(self) -> Floats:
        """Width of the joint ranges, rad or m."""
        return np.array([row.joint_range[1] for row in self.servos]) - self.joint_lower

    @property
    def gear(self) -> Floats:
        """Shaft angle per joint position, rad/rad or rad/m; negative where direction is -1."""
        turn = np.array([math.radians(row.travel_deg) * row.direction for row in self.servos])
        return turn / self.joint_width

    @property
    def rest_commands(self) -> Floats:
        """Commands at which every joint is exactly at 0."""
        return (0.0 - self.joint_lower) / self.joint_width

    @property
    def slack(self) -> Floats:
        """Half-width of each servo's play, rad at the shaft."""
        return np.array([servo.slack for servo in self.types])

    @property
    def max_temperatures_degc(self) -> Floats:
        """Winding temperatures at which the servos protect themselves."""
        return np.array([servo.max_temperature_degc for servo in self.types])

    @property
    def torque_limits(self) -> Floats:
        """Stall torques at the table's supply voltage, N.m."""
        return np.array([servo.torque_limit(self.supply_voltage) for servo in self.types])

    def joint_from_command(self, commands: ArrayLike) -> Floats:
        """Joint positions (rad or m) of commands in [0, 1]."""
        return self.joint_lower + np.asarray(commands, float) * self.joint_width

    def command_from_joint(self, positions: ArrayLike) -> Floats:
        """Commands of joint positions (rad or m)."""
        return (np.asarray(positions, float) - self.joint_lower) / self.joint_width

    def shaft_from_joint(self, positions: ArrayLike) -> Floats:
        """Shaft angles (rad, 0 at rest) of joint positions (rad or m)."""
        return np.asarray(positions, float) * self.gear

    def joint_from_shaft(self, angles: ArrayLike) -> Floats:
        """Joint positions (rad or m) of shaft angles (rad, 0 at rest)."""
        return np.asarray(angles, float) / self.gear

    def shaft_from_command(self, commands: ArrayLike) -> Floats:
        """Shaft angles (rad, 0 at rest) of commands in [0, 1]."""
        return self.shaft_from_joint(self.joint_from_command(commands))

    def command_from_shaft(self, angles: ArrayLike) -> Floats:
        """Commands of shaft angles (rad, 0 at rest)."""
        return self.command_from_joint(self.joint_from_shaft(angles))


def load_servo_table(path: Path | str | None = None) -> ServoTable:
    """Read a servo table; without a path, the face model's own.

    Raises:
        ServoTableError: the file cannot be read, is not YAML, or breaks a rule of the table.
    """
    path = SERVO_TABLE_PATH if path is None else Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ServoTableError(f"{path}: cannot be read ({error.strerror}); check the path") from (
            error
        )
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ServoTableError(f"{path}: is not valid YAML; {error}") from error
    if not isinstance(content, dict):
        raise ServoTableError(
            f"{path}: holds no servo table; it needs the keys {', '.join(ServoTable.model_fields)}"
        )
    try:
        return ServoTable.model_validate(content)
    except ValidationError as error:
        lines = [_explain(detail, content) for detail in error.errors(include_url=False)]
        raise ServoTableError("\n".join(f"{path}: {line}" for line in lines)) from error


def _explain(detail: Any, content: dict[str, Any]) -> str:
    """One pydantic error as row, column, value and remedy."""
    message: str = detail["msg"].removeprefix("Value error, ")
    location, value = detail["loc"], detail["input"]
    if detail["type"] == "value_error" and location in ((), ("servos",)):
        return message  # a rule across rows: its message names them
    match location:
        case ("servos", int(index), *column):
            row = content["servos"][index]
            place = f"row {index + 1}" + (f" ({row.get('dof')})" if isinstance(row, dict) else "")
        case ("servo_types", str(name), *column):
            place = f"servo type '{name}'"
        case _:
            place, column = "", list(location)
    if column:
        place += f"{', ' if place else ''}column '{column[0]}'"
    if isinstance(value, dict):  # the table, row or type around a missing or contradictory column
        return f"{place}: {message}"
    return f"{place}: {value!r}: {message}"
