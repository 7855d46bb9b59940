"""The walk through the servos that finds their calibration: small steps, and marks where they end.

A walk is driven by keys, one character each, whether a person presses them or a script lists
them. Only the servo that is being walked has torque, it moves by `SMALL_STEP_DEG` or
`LARGE_STEP_DEG`, never farther from its start than its travel and a bit, and one that does not
follow is told to stay where it is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import yaml

from sim.dof import DOF_NAMES
from sim.servo_table import ServoRow, ServoTable
from sim2real.buses.bus import PositionUnit, ServoBus
from sim2real.calibration.calibration import Calibration, ServoCalibration
from sim2real.calibration.files import CalibrationError, rest_command, row_contradictions

SMALL_STEP_DEG = 1.0
LARGE_STEP_DEG = 5.0

KEYS = {
    "+": "a small step towards command 1",
    "-": "a small step towards command 0",
    "]": "a large step towards command 1",
    "[": "a large step towards command 0",
    "r": "here the joint rests (lips just touching, jaw shut)",
    "0": "here is command 0",
    "1": "here is command 1",
    "n": "next servo",
    "b": "back to the servo before",
    "q": "give up, write nothing",
    "?": "show the keys",
}
"""Every key of a walk, and what it does."""

SPEED_DEG_PER_S = 30.0
"""A tenth of a servo's full speed: slow enough to see a linkage bind."""

BLOCKED_RAD = math.radians(6.0)
"""A shaft that stays this far behind a step is blocked; more than any play, less than any harm."""

TOLERANCE_OF_MARKS = 0.1
"""How far the marked rest may lie from the one that the marked ends give, as a share of travel."""

_SETTLE_S = 0.1
"""Time for a shaft to arrive after a small step."""

_ROOM = 1.25
"""How much farther than its whole travel a servo may be walked from where it was found."""


class WalkAbandoned(Exception):  # noqa: N818 - a choice, not an error
    """The walk was given up; nothing is to be written."""


@dataclass
class Marks:
    """What has been marked on one servo, ticks."""

    rest: int | None = None
    at_0: int | None = None
    at_1: int | None = None

    def calibration(self, servo: ServoRow, unit: PositionUnit) -> ServoCalibration:
        """The servo's row: its line goes exactly through the rest, where lips touch; the ends give
        the scale and the limits. An end that was not marked is taken from the table's travel.

        Raises:
            CalibrationError: the rest is not marked, or the marks contradict the table.
        """
        if self.rest is None:
            raise CalibrationError("mark the rest first (key r)")
        nominal = servo.direction * math.radians(servo.travel_deg) * unit.ticks_per_rad
        rest = rest_command(servo)
        at_0 = self.at_0 if self.at_0 is not None else round(self.rest - rest * nominal)
        at_1 = self.at_1 if self.at_1 is not None else round(self.rest + (1 - rest) * nominal)
        travel = at_1 - at_0
        if travel == 0:
            raise CalibrationError("command 0 and command 1 are marked at the same place")
        low, high = min(at_0, at_1, self.rest), max(at_0, at_1, self.rest)
        try:
            row = ServoCalibration(
                dof=servo.dof,
                bus_id=servo.bus_id,
                ticks_at_0=round(self.rest - rest * travel),
                ticks_at_1=round(self.rest + (1 - rest) * travel),
                limits=(max(low, unit.lowest), min(high, unit.highest)),
                rest=self.rest,
            )
        except ValueError as error:
            raise CalibrationError(str(error)) from error
        problems = row_contradictions(row, servo, unit)
        if problems:
            raise CalibrationError("; ".join(problems))
        marked_rest = at_0 + rest * travel
        tolerance = TOLERANCE_OF_MARKS * abs(nominal)
        if abs(self.rest - marked_rest) > tolerance:
            raise CalibrationError(
                f"the rest is marked at {self.rest}, and the ends put it at {marked_rest:.0f}; "
                "mark all three again"
            )
        return row


@dataclass
class ServoWalk:
    """Where one servo is on its walk.

    Attributes:
        servo: its row of the servo table.
        position: ticks that it was last sent to, or found at.
        bounds: least and greatest ticks of the walk.
        marks: what has been marked so far.
        note: what to tell about the last key.
    """

    servo: ServoRow
    position: int
    bounds: tuple[int, int]
    marks: Marks = field(default_factory=Marks)
    note: str = ""


class Walk:
    """A walk through all servos on a bus.

    Args:
        bus: opened; the walk does not close it.
        table: what the servos should be.
        press: gives the next key; called with the state to show. `EOFError` ends the walk.
        wait: waits for seconds.
    """

    def __init__(
        self,
        bus: ServoBus,
        table: ServoTable,
        press: Callable[[ServoWalk], str],
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._bus = bus
        self._table = table
        self._press = press
        self._wait = wait
        self._unit = bus.profile.position

    def run(self) -> Calibration:
        """Walk until every servo has its row. Whatever happens, all servos end without torque.

        Raises:
            CalibrationError: a servo does not answer, or keys ended early.
            WalkAbandoned: the key q.
            BusError: the port failed.
        """
        rows: dict[str, ServoCalibration] = {}
        walks: dict[int, ServoWalk] = {}
        index = 0
        with self._limp():
            while index < len(DOF_NAMES):
                if index not in walks:
                    walks[index] = self._approach(self._table.servos[index])
                walk = walks[index]
                with self._holding(walk):
                    row = self._walk_one(walk)
                if row is None:
                    index = max(0, index - 1)
                    continue
                rows[row.dof] = row
                index += 1
        return Calibration(
            protocol=self._bus.profile.name, servos=tuple(rows[name] for name in DOF_NAMES)
        )

    def _walk_one(self, walk: ServoWalk) -> ServoCalibration | None:
        """Take keys until the servo is done; None to go back."""
        while True:
            try:
                key = self._press(walk)
            except EOFError as error:
                raise CalibrationError(
                    f"the keys ended at {walk.servo.dof}, before every servo was done; "
                    "nothing was written"
                ) from error
            walk.note = ""
            match key:
                case "+" | "-" | "]" | "[":
                    self._step(walk, key)
                case "r":
                    walk.marks.rest = walk.position
                case "0":
                    walk.marks.at_0 = walk.position
                case "1":
                    walk.marks.at_1 = walk.position
                case "b":
                    return None
                case "n":
                    try:
                        return walk.marks.calibration(walk.servo, self._unit)
                    except CalibrationError as error:
                        walk.note = str(error)
                case "q":
                    raise WalkAbandoned
                case "?":
                    walk.note = "\n".join(f"{name}  {does}" for name, does in KEYS.items())
                case _:
                    walk.note = f"{key!r} is no key of the walk; ? shows them"

    def _approach(self, servo: ServoRow) -> ServoWalk:
        """Find a servo where it is; one that cannot tell is taken to be at the centre."""
        position = self._unit.centre
        if not self._bus.ping(servo.bus_id):
            raise CalibrationError(
                f"servo {servo.bus_id} ({servo.dof}) does not answer; "
                "check its cable, its id and the supply"
            )
        if self._bus.profile.reads_position:
            position = self._where(servo)
        room = round(_ROOM * math.radians(servo.travel_deg) * self._unit.ticks_per_rad)
        unit = self._unit
        bounds = (max(unit.lowest, position - room), min(unit.highest, position + room))
        return ServoWalk(servo, min(max(position, unit.lowest), unit.highest), bounds)

    def _where(self, servo: ServoRow) -> int:
        position = self._bus.read_positions([servo.bus_id]).get(servo.bus_id)
        if position is None:
            raise CalibrationError(
                f"servo {servo.bus_id} ({servo.dof}) does not say where it is; check its cable"
            )
        return position

    def _step(self, walk: ServoWalk, key: str) -> None:
        """Move by single degrees, then see whether the shaft came along."""
        size_deg = SMALL_STEP_DEG if key in "+-" else LARGE_STEP_DEG
        way = walk.servo.direction * (1 if key in "+]" else -1)
        step_ticks = way * math.radians(SMALL_STEP_DEG) * self._unit.ticks_per_rad
        low, high = walk.bounds
        start = walk.position
        for count in range(1, round(size_deg / SMALL_STEP_DEG) + 1):
            goal = min(max(round(start + count * step_ticks), low), high)
            if goal == walk.position:
                walk.note = "that is as far as this walk goes; if it is too short, turn the horn"
                break
            duration_s = SMALL_STEP_DEG / SPEED_DEG_PER_S
            self._bus.move({walk.servo.bus_id: goal}, duration_s)
            self._wait(duration_s)
            walk.position = goal
        if self._bus.profile.reads_position:
            self._wait(_SETTLE_S)
            found = self._where(walk.servo)
            if abs(found - walk.position) > BLOCKED_RAD * self._unit.ticks_per_rad:
                walk.note = (
                    f"the servo stands at {found}, not at {walk.position}: it is blocked, "
                    "or its horn slips; it now stays where it is"
                )
                walk.position = min(max(found, low), high)
                self._bus.move({walk.servo.bus_id: walk.position}, _SETTLE_S)

    @contextmanager
    def _limp(self) -> Iterator[None]:
        ids = [row.bus_id for row in self._table.servos]
        self._bus.set_torque(ids, False)
        try:
            yield
        finally:
            self._bus.set_torque(ids, False)

    @contextmanager
    def _holding(self, walk: ServoWalk) -> Iterator[None]:
        """Torque for one servo, which starts from where it stands now."""
        servo = walk.servo
        if self._bus.profile.reads_position:
            low, high = walk.bounds
            walk.position = min(max(self._where(servo), low), high)
        self._bus.move({servo.bus_id: walk.position}, _SETTLE_S)
        self._bus.set_torque([servo.bus_id], True)
        try:
            yield
        finally:
            self._bus.set_torque([servo.bus_id], False)


def scripted(script: dict[str, str]) -> Callable[[ServoWalk], str]:
    """Keys from a script: for each degree of freedom its keys, blanks ignored; "n" follows."""
    left = {name: iter([*"".join(keys.split()), "n"]) for name, keys in script.items()}

    def press(walk: ServoWalk) -> str:
        try:
            return next(left[walk.servo.dof])
        except StopIteration as error:
            raise CalibrationError(f"the script fails at {walk.servo.dof}: {walk.note}") from error

    return press


def parse_script(text: str, name: str) -> dict[str, str]:
    """A script of keys: YAML, one line per degree of freedom, such as `jaw_open: "r ]]]] 1"`.

    Raises:
        CalibrationError: not such a file; names what is wrong.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CalibrationError(f"{name}: is not valid YAML; {error}") from error
    if not isinstance(content, dict) or set(content) != set(DOF_NAMES):
        raise CalibrationError(f"{name}: needs one line of keys each for {', '.join(DOF_NAMES)}")
    for dof, keys in content.items():
        unknown = sorted(set("".join(str(keys).split())) - (set(KEYS) - {"n", "b", "q", "?"}))
        if not isinstance(keys, str) or unknown:
            raise CalibrationError(
                f"{name}: {dof}: {keys!r}: give a text of the keys + - ] [ r 0 1, in quotes"
            )
    return content
