"""The servo table, and servos in a bare ten-joint mechanism."""

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import mujoco
import mujoco.batch
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from sim.dof import DOF_NAMES, N_DOF
from sim.servo_table import SERVO_TABLE_PATH, ServoTable, ServoTableError, load_servo_table
from sim.servos import ServoBank, add_servos

Floats = NDArray[np.float64]

TABLE = load_servo_table()
LX224 = TABLE.servo_types["lx224"]
HINGES = {"jaw_open", "upper_lip_curl", "lower_lip_curl"}
SLIDES = [i for i, name in enumerate(DOF_NAMES) if name not in HINGES]
JAW = DOF_NAMES.index("jaw_open")  # 60 degrees of shaft over its range
IMPLICITFAST = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
DISCRETE = mujoco.mjtIntegrator.mjINT_DISCRETE
SOLVERS = [(IMPLICITFAST, 0.002), (IMPLICITFAST, 0.004), (DISCRETE, 0.002), (DISCRETE, 0.004)]
every_solver = pytest.mark.parametrize(("integrator", "timestep"), SOLVERS)
commands_arrays = arrays(np.float64, N_DOF, elements=st.floats(0, 1))


class Rig(NamedTuple):
    """Ten unconnected joints with their servos."""

    model: mujoco.MjModel
    data: mujoco.MjData
    bank: ServoBank

    def run(self, commands: Any, duration_s: float) -> Floats:
        """Send commands and step; shaft angles after every step, (steps, 10) rad."""
        self.bank.send(self.data, np.broadcast_to(commands, N_DOF))
        angles = []
        for _ in range(round(duration_s / self.model.opt.timestep)):
            mujoco.mj_step(self.model, self.data)
            angles.append(self.bank.table.shaft_from_joint(self.data.qpos))
        return np.array(angles)


def mechanism(
    table: ServoTable,
    integrator: mujoco.mjtIntegrator = DISCRETE,
    timestep: float = 0.002,
    slide_stiffness: float = 0.0,
    hinge_stiffness: float = 0.0,
    blocked: bool = False,
) -> mujoco.MjSpec:
    """Ten bodies on the table's joints, without gravity; light ones, or too heavy to move."""
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    spec.option.timestep = timestep
    spec.option.integrator = integrator
    spec.option.gravity = [0, 0, 0]
    for row in table.servos:
        hinge = row.dof in HINGES
        body = spec.worldbody.add_body(name=row.dof)
        joint = body.add_joint(
            name=row.joint,
            type=mujoco.mjtJoint.mjJNT_HINGE if hinge else mujoco.mjtJoint.mjJNT_SLIDE,
        )
        joint.armature = 1e9 if blocked else 0.0005 if hinge else 0.05
        joint.stiffness[0] = hinge_stiffness if hinge else slide_stiffness
        body.mass = 0.01
        body.inertia = [1e-6, 1e-6, 1e-6]
        body.explicitinertial = True
    return spec


def rig(table: ServoTable = TABLE, *, ideal: bool = False, **mechanics: Any) -> Rig:
    spec = mechanism(table, **mechanics)
    add_servos(spec, table, ideal=ideal)
    model = spec.compile()
    return Rig(model, mujoco.MjData(model), ServoBank(model, table))


def with_type(**changes: float) -> ServoTable:
    """The default table with some datasheet values changed."""
    return TABLE.model_copy(update={"servo_types": {"lx224": LX224.model_copy(update=changes)}})


def content() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(SERVO_TABLE_PATH.read_text(encoding="utf-8"))
    return loaded


# The table ----------------------------------------------------------------------------------------


def test_default_table_is_complete() -> None:
    assert tuple(row.dof for row in TABLE.servos) == DOF_NAMES
    assert sorted(row.bus_id for row in TABLE.servos) == list(range(1, 11))
    np.testing.assert_allclose(TABLE.joint_from_command(TABLE.rest_commands), 0, atol=1e-15)
    np.testing.assert_allclose(TABLE.torque_limits, 2.0)
    np.testing.assert_allclose(TABLE.max_temperatures_degc, 85)


def test_rows_may_come_in_any_order(tmp_path: Path) -> None:
    shuffled = content()
    shuffled["servos"].reverse()
    path = tmp_path / "servos.yaml"
    path.write_text(yaml.safe_dump(shuffled), encoding="utf-8")
    assert load_servo_table(path) == TABLE


@given(commands_arrays)
def test_conversions_undo_each_other(commands: Floats) -> None:
    shaft = TABLE.shaft_from_command(commands)
    np.testing.assert_allclose(TABLE.command_from_shaft(shaft), commands, atol=1e-12)
    joint = TABLE.joint_from_command(commands)
    np.testing.assert_allclose(TABLE.command_from_joint(joint), commands, atol=1e-12)
    np.testing.assert_allclose(TABLE.shaft_from_joint(joint), shaft, atol=1e-12)


def test_travel_and_direction() -> None:
    turn = TABLE.shaft_from_command(np.ones(N_DOF)) - TABLE.shaft_from_command(np.zeros(N_DOF))
    expected = [math.radians(row.travel_deg) * row.direction for row in TABLE.servos]
    np.testing.assert_allclose(turn, expected)


Edit = Callable[[dict[str, Any]], object]

BROKEN: list[tuple[str, Edit, list[str]]] = [
    ("missing row", lambda t: t["servos"].pop(4), ["'dof'", "lower_lip_depress", "add"]),
    (
        "duplicate bus id",
        lambda t: t["servos"][6].update(bus_id=3),
        ["rows 3, 7", "'bus_id'", "3", "own"],
    ),
    (
        "duplicate DoF",
        lambda t: t["servos"][6].update(dof="jaw_open"),
        ["rows 1, 7", "'dof'", "'jaw_open'"],
    ),
    (
        "inverted range",
        lambda t: t["servos"][2].update(joint_range=[0.007, -0.006]),
        ["row 3 (upper_lip_raise)", "'joint_range'", "[0.007, -0.006]", "inverted"],
    ),
    (
        "range without rest",
        lambda t: t["servos"][0].update(joint_range=[0.1, 0.3]),
        ["row 1 (jaw_open)", "'joint_range'", "[0.1, 0.3]", "leaves out 0"],
    ),
    (
        "travel",
        lambda t: t["servos"][1].update(travel_deg=95),
        ["row 2 (jaw_forward)", "'travel_deg'", "95", "80"],
    ),
    (
        "rest",
        lambda t: t["servos"][5].update(rest=0.6),
        ["row 6 (lower_lip_curl)", "'rest'", "0.6", "0.500"],
    ),
    (
        "unknown DoF",
        lambda t: t["servos"][0].update(dof="tongue"),
        ["row 1", "'tongue'", "use one"],
    ),
    (
        "unknown servo",
        lambda t: t["servos"][9].update(servo="mg996"),
        ["corner_right_stretch", "'servo'", "'mg996'", "lx224"],
    ),
    ("direction", lambda t: t["servos"][0].update(direction=0), ["row 1", "'direction'", "0"]),
    (
        "not a number",
        lambda t: t["servos"][0].update(travel_deg=math.nan),
        ["row 1", "'travel_deg'", "nan"],
    ),
    ("extra column", lambda t: t["servos"][0].update(colour=1), ["row 1", "'colour'"]),
    ("no column", lambda t: t["servos"][0].pop("bus_id"), ["row 1", "'bus_id'", "required"]),
    ("not a row", lambda t: t["servos"].insert(0, 7), ["row 1", "7"]),
    (
        "currents",
        lambda t: t["servo_types"]["lx224"].update(no_load_current=3.0),
        ["'lx224'", "no_load_current 3 A", "stall_current 3 A"],
    ),
    (
        "negative torque",
        lambda t: t["servo_types"]["lx224"].update(stall_torque=-2),
        ["'lx224'", "'stall_torque'", "-2", "greater than 0"],
    ),
    ("supply", lambda t: t.update(supply_voltage=0), ["'supply_voltage'", "0"]),
]


@pytest.mark.parametrize(
    ("edit", "words"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN]
)
def test_broken_table_names_the_place(tmp_path: Path, edit: Edit, words: list[str]) -> None:
    broken = content()
    edit(broken)
    path = tmp_path / "broken.yaml"
    path.write_text(yaml.safe_dump(broken), encoding="utf-8")
    with pytest.raises(ServoTableError) as caught:
        load_servo_table(path)
    for word in ["broken.yaml", *words]:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "word"), [("servos: [", "not valid YAML"), ("- 1", "holds no servo table")]
)
def test_unreadable_table(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "servos.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ServoTableError, match=word):
        load_servo_table(path)


def test_absent_table(tmp_path: Path) -> None:
    with pytest.raises(ServoTableError, match=r"none\.yaml: cannot be read"):
        load_servo_table(tmp_path / "none.yaml")


# Fitting servos to a model ------------------------------------------------------------------------


def test_actuators_are_named_in_order() -> None:
    model = rig().model
    assert tuple(model.actuator(i).name for i in range(model.nactuator)) == DOF_NAMES


def test_model_without_the_joint() -> None:
    with pytest.raises(ServoTableError, match="no joint 'jaw_open'"):
        add_servos(mujoco.MjSpec(), TABLE)


def test_model_without_servos() -> None:
    with pytest.raises(ServoTableError, match="no actuator 'jaw_open'"):
        ServoBank(mechanism(TABLE).compile(), TABLE)


def test_model_with_a_narrower_joint() -> None:
    spec = mechanism(TABLE)
    spec.joint("jaw_forward").range = [-0.001, 0.001]
    add_servos(spec, TABLE)
    with pytest.raises(ServoTableError, match=r"jaw_forward.*joint_range"):
        ServoBank(spec.compile(), TABLE)


# Motion -------------------------------------------------------------------------------------------


@every_solver
def test_step_of_60_degrees(integrator: mujoco.mjtIntegrator, timestep: float) -> None:
    servos = rig(
        with_type(dead_band_deg=0, backlash_deg=0), integrator=integrator, timestep=timestep
    )
    commands = TABLE.rest_commands.copy()
    commands[JAW] = 1.0
    progress = servos.run(commands, 0.6)[:, JAW] / math.radians(60)
    times = timestep * np.arange(1, len(progress) + 1)
    rise = times[np.argmax(progress > 0.9)] - times[np.argmax(progress > 0.1)]
    assert rise + timestep >= 0.8 * 0.2
    assert rise < 0.2
    assert progress.max() < 1.1
    assert progress[-1] == pytest.approx(1, abs=0.01)


@every_solver
def test_small_steps_do_not_ring(integrator: mujoco.mjtIntegrator, timestep: float) -> None:
    servos = rig(
        with_type(dead_band_deg=0, backlash_deg=0), integrator=integrator, timestep=timestep
    )
    commands = TABLE.rest_commands.copy()
    commands[JAW] = 0.1
    progress = servos.run(commands, 0.6)[:, JAW] / math.radians(6)
    assert progress.max() < 1.1
    assert np.ptp(progress[-10:]) < 1e-3


@pytest.mark.parametrize("latency", [0.0, 0.02, 0.06])
@every_solver
def test_latency(integrator: mujoco.mjtIntegrator, timestep: float, latency: float) -> None:
    servos = rig(with_type(latency=latency), integrator=integrator, timestep=timestep)
    angles = servos.run(TABLE.rest_commands + 0.2 * (TABLE.rest_commands < 0.5), 0.1)[:, JAW]
    assert np.argmax(angles != 0) == round(latency / timestep)


def test_latency_is_the_same_for_every_command() -> None:
    servos = rig(timestep=0.002)
    read = np.zeros(1)
    steps = round(LX224.latency / 0.002)
    for count in range(3000):
        servos.data.ctrl[JAW] = count
        if count >= steps:
            delayed = mujoco.mj_readCtrl(servos.model, servos.data, JAW, servos.data.time, read, -1)
            assert np.ravel(delayed)[0] == count - steps
        mujoco.mj_step(servos.model, servos.data)


def test_speed_and_current_at_no_load() -> None:
    servos = rig(with_type(stiffness=60.0))
    servos.bank.send(servos.data, np.ones(N_DOF))
    for _ in range(80):
        mujoco.mj_step(servos.model, servos.data)
    speeds = servos.bank.shaft_speeds(servos.data)
    np.testing.assert_allclose(np.abs(speeds[JAW]), LX224.no_load_speed, rtol=0.01)
    currents = servos.bank.currents(servos.data)
    np.testing.assert_allclose(currents[JAW], LX224.no_load_current, rtol=0.1)


@pytest.mark.parametrize("supply_voltage", [7.4, 6.0])
@every_solver
def test_stall(integrator: mujoco.mjtIntegrator, timestep: float, supply_voltage: float) -> None:
    table = TABLE.model_copy(update={"supply_voltage": supply_voltage})
    servos = rig(
        table,
        integrator=integrator,
        timestep=timestep,
        blocked=True,
    )
    limits = table.torque_limits
    servos.run(np.where(table.rest_commands < 0.5, 1.0, 0.0), 0.5)
    torques = servos.bank.torques(servos.data)
    np.testing.assert_allclose(np.abs(torques), limits, rtol=0.01)
    assert limits[0] == pytest.approx(LX224.stall_torque * supply_voltage / 7.4, rel=0.01)
    if supply_voltage == LX224.nominal_voltage:
        currents = servos.bank.currents(servos.data)
        np.testing.assert_allclose(np.abs(currents), LX224.stall_current, rtol=0.06)


def test_stall_heats_and_weakens() -> None:
    servos = rig(timestep=0.004, blocked=True)
    np.testing.assert_allclose(servos.bank.temperatures(servos.data), 25.0)
    servos.run(np.ones(N_DOF), 5.0)
    after_5_s = servos.bank.temperatures(servos.data)
    heat = LX224.stall_current * LX224.nominal_voltage * LX224.thermal_resistance
    expected = 25.0 + heat * 5.0 / LX224.thermal_time_constant
    np.testing.assert_allclose(after_5_s[JAW], expected, rtol=0.05)
    torque = servos.bank.torques(servos.data)[JAW]
    servos.run(np.ones(N_DOF), 60.0)
    assert servos.bank.temperatures(servos.data)[JAW] > 60.0
    assert servos.bank.torques(servos.data)[JAW] < 0.9 * torque


def test_holds_a_load() -> None:
    table = with_type(no_load_current=1e-4, dead_band_deg=0, backlash_deg=0)
    servos = rig(table, slide_stiffness=300.0, hinge_stiffness=0.5)
    servos.run(TABLE.rest_commands, 0.2)
    servos.data.qfrc_applied[SLIDES] = 5.0
    servos.run(TABLE.rest_commands, 0.5)
    assert np.all(servos.data.qpos[SLIDES] > 0)
    assert np.all(servos.data.qpos[SLIDES] < 0.2e-3)


BANK = rig().bank

# Dead band and backlash ---------------------------------------------------------------------------


@given(arrays(np.float64, N_DOF, elements=st.floats(-1, 1)), commands_arrays)
def test_play_stays_in_its_band(previous: Floats, commands: Floats) -> None:
    targets = BANK.targets(previous, commands)
    wanted = TABLE.shaft_from_command(commands)
    assert np.all(np.abs(targets - wanted) <= TABLE.slack + 1e-12)
    np.testing.assert_array_equal(BANK.targets(targets, commands), targets)
    inside = np.abs(previous - wanted) <= TABLE.slack - 1e-12
    np.testing.assert_array_equal(targets[inside], previous[inside])


def test_dead_band() -> None:
    servos = rig(with_type(backlash_deg=0))
    middle = np.full(N_DOF, 0.5)
    settled = servos.run(middle, 1.0)[-1]
    band = LX224.dead_band_deg / np.array([row.travel_deg for row in TABLE.servos])
    # The first move stopped at the band's near edge; a change of the other sign crosses it whole.
    back = np.sign(TABLE.rest_commands - 0.5)
    moved = servos.run(middle + 1.9 * band * back, 0.5)[-1]
    np.testing.assert_allclose(moved, settled, atol=1e-6)
    moved = servos.run(middle + 30 * band * back, 0.5)[-1]
    driven = back != 0
    assert np.all(np.abs(moved - settled)[driven] > math.radians(LX224.dead_band_deg))


def test_backlash_is_lost_on_reversal() -> None:
    # Hardly any friction, so that the shaft shows the lost motion alone.
    table = with_type(no_load_current=1e-4, dead_band_deg=0)
    servos = rig(table)
    servos.run(np.full(N_DOF, 0.2), 0.6)
    rising = servos.run(np.full(N_DOF, 0.5), 1.0)[-1]
    servos.run(np.full(N_DOF, 0.8), 1.0)
    falling = servos.run(np.full(N_DOF, 0.5), 1.0)[-1]
    directions = np.array([row.direction for row in TABLE.servos])
    lost_deg = np.rad2deg((falling - rising) * directions)
    np.testing.assert_allclose(lost_deg, LX224.backlash_deg, atol=0.02)


# Ideal servos -------------------------------------------------------------------------------------


@every_solver
def test_ideal_servos_track(integrator: mujoco.mjtIntegrator, timestep: float) -> None:
    servos = rig(
        ideal=True,
        integrator=integrator,
        timestep=timestep,
        slide_stiffness=300.0,
        hinge_stiffness=0.5,
    )
    commands = np.linspace(0.1, 0.9, N_DOF)
    angles = servos.run(commands, 0.1)
    wanted = TABLE.shaft_from_command(commands)
    np.testing.assert_allclose(angles[-1], wanted, atol=0.02)
    progress = angles / wanted
    assert progress[round(0.04 / timestep)].min() > 0.95
    assert progress.max() < 1.05
    np.testing.assert_allclose(servos.bank.temperatures(servos.data), 25.0)
    np.testing.assert_allclose(servos.bank.targets(np.zeros(N_DOF), commands), wanted, atol=1e-12)


# State --------------------------------------------------------------------------------------------


def test_integration_state_is_the_whole_state() -> None:
    servos = rig()
    servos.run(0.8, 0.05)
    kind = mujoco.mjtState.mjSTATE_INTEGRATION
    saved = np.zeros(mujoco.mj_stateSize(servos.model, kind))
    mujoco.mj_getState(servos.model, servos.data, saved, kind)
    first = servos.run(0.799, 0.2)
    other = rig()
    mujoco.mj_setState(other.model, other.data, saved, kind)
    np.testing.assert_array_equal(other.run(0.799, 0.2), first)


def test_batch_agrees_with_single() -> None:
    single = rig()
    commands = np.linspace(0.1, 0.9, 3)[:, None] * np.ones(N_DOF)
    batch = mujoco.batch.Batch(copy.copy(single.model), nsim=3, nthread=1)
    for field in ("actuator_force", "actuator_length", "actuator_velocity"):
        batch.bind(field)
    single.run(commands[1], 0.1)
    single.bank.send(batch, commands)
    for _ in range(50):
        batch.step()
    bank, data = single.bank, single.data
    for read in (bank.torques, bank.currents, bank.temperatures, bank.shaft_angles):
        assert read(batch).shape == (3, N_DOF)
        np.testing.assert_array_equal(read(batch)[1], read(data))
