"""Calibration files: YAML, checked against the servo table that they must agree with."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from sim.servo_table import ServoRow, ServoTable
from sim2real.buses.bus import BusProfile, PositionUnit
from sim2real.calibration.calibration import Calibration, ServoCalibration

TRAVEL_TOLERANCE = 0.15
"""Share by which a servo's travel may differ from the table's: horns and rods are not exact, but a
travel beyond this means another linkage, another servo or a slipped mark."""

REST_TOLERANCE_RAD = math.radians(3.0)
"""How far a noted rest may lie from the rest that the ends give, at the shaft."""

_HEADER = """\
# Calibration of a face: which ticks of which servo are which command.
# ticks_at_0 and ticks_at_1 are command 0 and command 1 (the greater one says which way the servo
# turns), limits the ticks that are never left, rest where the joint rests.
# Checked against the servo table whenever it is read.
"""


class CalibrationError(ValueError):
    """A calibration that cannot be used; the message names file, row, column and value."""


def load_calibration(
    path: str | os.PathLike[str], table: ServoTable, profile: BusProfile
) -> Calibration:
    """Read a calibration, and refuse one that contradicts the servo table or the bus.

    Raises:
        CalibrationError: the file cannot be read, is not a calibration, or contradicts the table.
    """
    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CalibrationError(
            f"{path}: cannot be read ({error.strerror}); check the path"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CalibrationError(f"{path}: is not valid YAML; {error}") from error
    if not isinstance(content, dict):
        raise CalibrationError(
            f"{path}: holds no calibration; it needs the keys {', '.join(Calibration.model_fields)}"
        )
    try:
        calibration = Calibration.model_validate(content)
    except ValidationError as error:
        lines = [_explain(detail, content) for detail in error.errors(include_url=False)]
        raise CalibrationError("\n".join(f"{path}: {line}" for line in lines)) from error
    problems = contradictions(calibration, table, profile)
    if problems:
        raise CalibrationError("\n".join(f"{path}: {line}" for line in problems))
    return calibration


def save_calibration(path: str | os.PathLike[str], calibration: Calibration) -> None:
    """Write a calibration. The file appears complete or not at all.

    Raises:
        CalibrationError: it cannot be written.
    """
    path = Path(path)
    rows = [
        "  - " + yaml.safe_dump(row, default_flow_style=True, sort_keys=False, width=200).strip()
        for row in calibration.model_dump(mode="json")["servos"]
    ]
    text = "\n".join([f"{_HEADER}protocol: {calibration.protocol}", "servos:", *rows, ""])
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise CalibrationError(
            f"{path}: cannot be written ({error.strerror}); "
            "check that the folder exists and is writable"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def contradictions(
    calibration: Calibration, table: ServoTable, profile: BusProfile
) -> tuple[str, ...]:
    """Where a calibration disagrees with the servo table or the bus; one line each, naming row,
    column and value; none if it can be used."""
    if calibration.protocol != profile.name:
        return (
            f"column 'protocol': {calibration.protocol!r}: the bus is {profile.name!r}; ticks of "
            "one protocol mean nothing on another, so calibrate again or choose the other bus",
        )
    return tuple(
        f"row {index} ({row.dof}), {problem}"
        for index, (row, servo) in enumerate(
            zip(calibration.servos, table.servos, strict=True), start=1
        )
        for problem in row_contradictions(row, servo, profile.position)
    )


def row_contradictions(
    row: ServoCalibration, servo: ServoRow, unit: PositionUnit
) -> tuple[str, ...]:
    """Where one row disagrees with its servo's row of the table; "column 'c': value: why" each."""
    problems = []
    if row.bus_id != servo.bus_id:
        problems.append(
            f"column 'bus_id': {row.bus_id}: the servo table says {servo.bus_id}; "
            "give the servo that id, or correct one of the two files"
        )
    if row.direction != servo.direction:
        problems.append(
            f"columns 'ticks_at_0' and 'ticks_at_1': {row.ticks_at_0} and {row.ticks_at_1}: the "
            f"servo turns against 'direction' {servo.direction:+d} of the servo table; "
            "turn the sign there if the servo is mounted that way, else calibrate again"
        )
    travel_rad = abs(row.ticks_at_1 - row.ticks_at_0) / unit.ticks_per_rad
    wanted_rad = math.radians(servo.travel_deg)
    if abs(travel_rad - wanted_rad) > TRAVEL_TOLERANCE * wanted_rad:
        problems.append(
            f"columns 'ticks_at_0' and 'ticks_at_1': {row.ticks_at_0} and {row.ticks_at_1}: are "
            f"{math.degrees(travel_rad):.1f} degrees apart, 'travel_deg' of the servo table is "
            f"{servo.travel_deg:g}; calibrate again, or correct the table if the linkage differs"
        )
    low, high = row.limits
    if low < unit.lowest or high > unit.highest:
        problems.append(
            f"column 'limits': [{low}, {high}]: the protocol has {unit.lowest} to {unit.highest}; "
            "turn the horn on its spline so that the travel fits, then calibrate again"
        )
    line_rest = row.ticks_at_0 + rest_command(servo) * (row.ticks_at_1 - row.ticks_at_0)
    rest = round(line_rest) if row.rest is None else row.rest
    if not low <= rest <= high:
        problems.append(
            f"column 'rest': {rest}: lies outside the limits [{low}, {high}]; the face could not "
            "be brought to rest, so calibrate again"
        )
    if abs(rest - line_rest) > REST_TOLERANCE_RAD * unit.ticks_per_rad:
        problems.append(
            f"column 'rest': {rest}: the ends put the rest at {line_rest:.0f} "
            f"(command {rest_command(servo):.3f} of the servo table); calibrate again"
        )
    return tuple(problems)


def rest_command(servo: ServoRow) -> float:
    """The command at which a servo's joint is exactly at 0."""
    lower, upper = servo.joint_range
    return -lower / (upper - lower)


def _explain(detail: Any, content: dict[str, Any]) -> str:
    """One pydantic error as row, column, value and remedy."""
    message: str = detail["msg"].removeprefix("Value error, ")
    location, value = detail["loc"], detail["input"]
    match location:
        case ("servos", int(index), *column):
            row = content["servos"][index]
            place = f"row {index + 1}" + (f" ({row.get('dof')})" if isinstance(row, dict) else "")
        case _:
            place, column = "", list(location)
    if column:
        place += f"{', ' if place else ''}column '{column[0]}'"
    if isinstance(value, dict):  # the file or the row around what is missing or contradictory
        return f"{place}: {message}" if place else message
    return f"{place}: {value!r}: {message}"
