"""The twin: rest, ranges, named shapes, contact, servos, state."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import DOF_NAMES, FaceTwin
from sim.landmarks import INNER_PAIRS, LIP_LANDMARKS, ROW
from sim.model import Skin
from sim.poses import POSES
from sim.skin import LIP_CONTACT_RADIUS_M

SKINS: tuple[Skin, ...] = ("condensed", "shell")
MIRRORED_DOF = [0, 1, 2, 3, 4, 5, 8, 9, 6, 7]


@pytest.fixture(scope="module")
def twins() -> dict[Skin, FaceTwin]:
    return {skin: FaceTwin(skin) for skin in SKINS}


@pytest.fixture
def fast(twins: dict[Skin, FaceTwin]) -> FaceTwin:
    twins["condensed"].reset()
    return twins["condensed"]


def hold(twin: FaceTwin, commands: np.ndarray, duration_s: float = 1.0) -> FaceTwin:
    """From rest, ease into a pose over 0.4 s as an animator would, and hold it."""
    twin.reset()
    for share in np.linspace(0.0, 1.0, 12):
        twin.step(twin.rest_commands + share * (commands - twin.rest_commands), 1 / 30)
    twin.step(commands, duration_s - 0.4)
    return twin


def command(**joints: float) -> np.ndarray:
    commands = np.array(POSES["rest"])
    for name, value in joints.items():
        commands[DOF_NAMES.index(name)] = value
    return commands


@pytest.mark.parametrize("skin", SKINS)
def test_lips_touch_at_rest(twins: dict[Skin, FaceTwin], skin: Skin) -> None:
    twin = twins[skin]
    twin.reset()
    lips = twin.measure()
    assert lips.lips_touching
    assert lips.aperture_mm < 0.3
    assert lips.width_mm == pytest.approx(50, abs=2)  # adult mean, facts of the field
    assert abs(lips.protrusion_mm) < 1e-6
    assert abs(lips.jaw_deg) < 0.1
    assert not lips.lower_lip_on_teeth
    assert twin.time_s == 0.0


@pytest.mark.parametrize("skin", SKINS)
def test_rest_is_rest(twins: dict[Skin, FaceTwin], skin: Skin) -> None:
    twin = twins[skin]
    twin.reset()
    before = twin.landmarks()
    twin.step(twin.rest_commands, 1.0)
    assert np.abs(twin.landmarks() - before).max() < 0.1e-3


@pytest.mark.parametrize("skin", SKINS)
def test_ranges_reached_by_commands(twins: dict[Skin, FaceTwin], skin: Skin) -> None:
    twin = twins[skin]
    open_wide = hold(
        twin, command(jaw_open=1.0, lower_lip_depress=1.0, upper_lip_raise=0.8)
    ).measure()
    assert open_wide.aperture_mm >= 20
    assert open_wide.jaw_deg >= 12
    sides = {side: f"corner_{side}_stretch" for side in ("left", "right")}
    spread = hold(twin, command(**dict.fromkeys(sides.values(), 1.0))).measure()
    assert spread.width_mm >= 60
    round_ = hold(twin, command(**dict.fromkeys(sides.values(), 0.0))).measure()
    assert round_.width_mm <= 42
    pout = hold(twin, POSES["oo"]).measure().protrusion_mm
    tuck = hold(twin, POSES["ff"]).measure().protrusion_mm
    assert pout - tuck >= 5


@pytest.mark.parametrize("skin", SKINS)
def test_mm_closes_the_whole_lip_line(twins: dict[Skin, FaceTwin], skin: Skin) -> None:
    twin = hold(twins[skin], POSES["mm"])
    assert twin.lips_touching()
    strips = twin.skin_model.lip_strips(twin.control_points())
    assert twin.skin_model.lip_gaps(strips).max() < 0.3e-3
    assert twin.lip_contact().count > 0


def test_mm_does_not_interpenetrate(twins: dict[Skin, FaceTwin]) -> None:
    assert hold(twins["shell"], POSES["mm"]).lip_contact().penetration_mm <= 0.3
    # the fast tier has no skin contact: compare the lips' contact surfaces along the lip line
    fast = hold(twins["condensed"], POSES["mm"])
    landmarks = fast.landmarks()
    upper, lower = np.array(INNER_PAIRS).T
    visible_overlap = landmarks[lower, 2] - landmarks[upper, 2]
    overlap = visible_overlap - 2 * (fast.skin_model.thickness - LIP_CONTACT_RADIUS_M)
    assert overlap.max() <= 0.3e-3


@pytest.mark.parametrize("skin", SKINS)
def test_ff_puts_the_lower_lip_on_the_teeth(twins: dict[Skin, FaceTwin], skin: Skin) -> None:
    twin = hold(twins[skin], POSES["ff"])
    assert twin.lower_lip_on_teeth()


@pytest.mark.parametrize("name", ["aa", "ee", "oo", "smile"])
def test_open_shapes_are_open_and_off_the_teeth(fast: FaceTwin, name: str) -> None:
    lips = hold(fast, POSES[name]).measure()
    assert lips.lips_touching == (name == "smile")
    assert not lips.lower_lip_on_teeth


def test_shapes_differ_as_speech_needs(fast: FaceTwin) -> None:
    seen = {name: hold(fast, POSES[name]).measure() for name in ("rest", "aa", "ee", "oo")}
    assert seen["aa"].aperture_mm > 12
    assert seen["ee"].width_mm > seen["rest"].width_mm + 8
    assert seen["oo"].width_mm < seen["rest"].width_mm - 8
    assert seen["oo"].protrusion_mm > 3


@pytest.mark.parametrize("skin", SKINS)
def test_landmarks_lie_in_mediapipe_order(twins: dict[Skin, FaceTwin], skin: Skin) -> None:
    points = hold(twins[skin], POSES["aa"]).landmarks()
    assert points.shape == (len(LIP_LANDMARKS), 3)
    x, _, z = (points[:, k] for k in range(3))
    # image left is the subject's right, +x
    assert x[ROW[61]] > 0.02 > -0.02 > x[ROW[291]]
    assert x[ROW[61]] > x[ROW[78]] > x[ROW[80]] > x[ROW[82]] > x[ROW[13]] > x[ROW[312]]
    assert z[ROW[0]] > z[ROW[13]] > z[ROW[14]] > z[ROW[17]]
    contour = points[:20, [0, 2]]
    area = 0.5 * np.sum(
        contour[:, 0] * np.roll(contour[:, 1], -1) - contour[:, 1] * np.roll(contour[:, 0], -1)
    )
    assert area > 5e-4  # one simple loop around the mouth, not a tangle


def test_left_and_right_mirror(fast: FaceTwin) -> None:
    rng = np.random.default_rng(3)
    commands = rng.uniform(0.2, 0.8, 10)
    here = hold(fast, commands).landmarks()
    there = hold(fast, commands[MIRRORED_DOF]).landmarks()
    mirror = {61: 291, 0: 0, 17: 17, 37: 267, 13: 13, 82: 312, 14: 14, 87: 317}
    for a, b in mirror.items():
        assert np.abs(here[ROW[a]] * [-1, 1, 1] - there[ROW[b]]).max() < 0.3e-3


@pytest.mark.parametrize("fps", [24.0, 29.97, 30.0, 50.0, 100.0, 400.0])
def test_time_does_not_drift_at_any_command_rate(fast: FaceTwin, fps: float) -> None:
    n = int(2 * fps)
    for _ in range(n):
        fast.step(fast.rest_commands, 1 / fps)
    assert fast.time_s == pytest.approx(n / fps, abs=1e-9)


@pytest.mark.parametrize("skin", SKINS)
def test_saved_state_replays_bit_by_bit(twins: dict[Skin, FaceTwin], skin: Skin) -> None:
    twin = hold(twins[skin], POSES["ee"], 0.5)
    state = twin.save_state()

    def play() -> np.ndarray:
        for k in range(6):
            twin.step(POSES["oo"] if k < 3 else POSES["aa"], 1 / 30)
        return np.concatenate([twin.landmarks().ravel(), twin.servo_temperatures(), [twin.time_s]])

    first = play()
    twin.restore_state(state)
    np.testing.assert_array_equal(play(), first)


def test_state_of_another_skin_is_refused(twins: dict[Skin, FaceTwin]) -> None:
    with pytest.raises(ValueError, match="restore it on a twin made the same way"):
        twins["condensed"].restore_state(twins["shell"].save_state())


@pytest.mark.parametrize(
    ("commands", "message"),
    [
        (np.full(9, 0.5), r"shape \(9,\)"),
        (np.full(10, np.nan), "jaw_open is nan"),
        (np.r_[np.full(9, 0.5), 1.2], "corner_right_stretch is 1.2"),
        (np.r_[-0.1, np.full(9, 0.5)], "jaw_open is -0.1"),
    ],
)
def test_bad_commands_are_named(fast: FaceTwin, commands: np.ndarray, message: str) -> None:
    before = fast.save_state()
    with pytest.raises(ValueError, match=message):
        fast.step(commands, 0.1)
    np.testing.assert_array_equal(fast.save_state().integration, before.integration)


@pytest.mark.parametrize("duration_s", [0.0, -1.0, np.nan, np.inf])
def test_bad_durations_are_named(fast: FaceTwin, duration_s: float) -> None:
    with pytest.raises(ValueError, match="positive time"):
        fast.step(fast.rest_commands, duration_s)


def test_servos_lag_and_ideal_servos_hardly() -> None:
    def jaw_after(ideal: bool) -> float:
        twin = FaceTwin(ideal_servos=ideal)
        twin.step(command(jaw_open=0.8), 0.06)
        return twin.jaw_deg()

    target = np.degrees(0.8 * 0.30)
    assert jaw_after(ideal=True) > 0.9 * target
    assert jaw_after(ideal=False) < 0.5 * target


def test_servos_report_torque_current_and_heat(fast: FaceTwin) -> None:
    cold = fast.servo_temperatures()
    assert np.allclose(cold, fast.servos.ambient_temperature_degc, atol=0.5)
    for k in range(60):
        fast.step(command(jaw_open=0.9 if k % 10 < 5 else 0.0), 1 / 30)
    assert (np.abs(fast.servo_torques()) <= fast.servos.torque_limits * 1.02).all()
    assert fast.servo_temperatures()[0] > cold[0] + 0.2
    assert (fast.servo_currents() >= -5).all()


def test_strain_needs_the_shell(twins: dict[Skin, FaceTwin]) -> None:
    with pytest.raises(ValueError, match="shell"):
        twins["condensed"].skin_strain()
    shell = twins["shell"]
    shell.reset()
    at_rest = shell.skin_strain().max()
    stretched = hold(shell, POSES["aa"]).skin_strain().max()
    assert at_rest < 0.5 < stretched < 5.0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_fast_tier_stays_finite_under_any_jump(seed: int) -> None:
    twin = _shared_fast_twin()
    twin.reset()
    rng = np.random.default_rng(seed)
    for _ in range(8):
        twin.step(rng.integers(0, 2, 10).astype(float), 0.05)
    assert np.isfinite(twin.landmarks()).all()
    assert not any(warning.number for warning in twin.data.warning)


_fast_twins: list[FaceTwin] = []


def _shared_fast_twin() -> FaceTwin:
    if not _fast_twins:
        _fast_twins.append(FaceTwin())
    return _fast_twins[0]


def test_unknown_skin_is_named() -> None:
    with pytest.raises(ValueError, match="unknown skin 'wax'"):
        FaceTwin("wax")  # type: ignore[arg-type]
