"""Varied faces are what a face made with those values would be."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from envs.tasks import Randomisation, Variation
from envs.tasks.randomisation import VariedFace
from sim import FaceTwin, ServoTable, load_servo_table
from sim.model import load_model
from sim.servo_table import ServoTableError
from sim.servos import exchange_servos

NOTHING = Randomisation(
    servo_speed=(1.0, 1.0),
    servo_gain=(1.0, 1.0),
    servo_latency_s=(0.02, 0.02),
    servo_backlash_deg=(0.5, 0.5),
    skin_stiffness=(1.0, 1.0),
    camera_shift_m=(0.0, 0.0),
    camera_turn_deg=(0.0, 0.0),
    camera_zoom=(1.0, 1.0),
    light=(1.0, 1.0),
    light_shift_m=(0.0, 0.0),
)


@pytest.fixture(scope="module")
def face() -> VariedFace:
    return VariedFace(Randomisation())


def variation(seed: int, ranges: Randomisation | None = None) -> Variation:
    return (ranges or Randomisation()).sample(np.random.default_rng(seed), 3)


def responses(twin: FaceTwin, n_frames: int = 10) -> np.ndarray:
    """Joint positions (n, 10) under commands that jump."""
    rng = np.random.default_rng(0)
    seen = []
    for _ in range(n_frames):
        twin.step(rng.random(10), 1.0 / 30.0)
        seen.append(twin.joint_positions())
    return np.array(seen)


def compiled(face: VariedFace, drawn: Variation) -> mujoco.MjModel:
    """The model of a variation, made from its files and tables."""
    model = load_model("condensed", drawn.servos(face.nominal_servos))
    model.tendon_stiffness[:] *= drawn.skin_stiffness
    model.tendon_damping[:] *= drawn.skin_stiffness
    return model


@pytest.mark.parametrize("seed", range(3))
def test_edited_in_place_it_is_the_compiled_model(face: VariedFace, seed: int) -> None:
    drawn = variation(seed)
    face.wear(variation(seed + 10))
    face.wear(drawn)
    fresh, edited = compiled(face, drawn), face.twin.model
    memory = {"actuator_history", "actuator_historyadr"}
    looks = {"cam_pos", "cam_quat", "cam_mat0", "cam_fovy", "light_diffuse", "light_pos"}
    for name in dir(fresh):
        value = getattr(fresh, name)
        if name.startswith("_") or name in memory | looks or not isinstance(value, np.ndarray):
            continue
        np.testing.assert_allclose(
            getattr(edited, name), value, rtol=1e-6, atol=1e-12, err_msg=name
        )


def test_it_moves_as_a_twin_that_was_made_that_way(face: VariedFace) -> None:
    drawn = variation(4, Randomisation(skin_stiffness=(1.0, 1.0)))
    face.wear(drawn)
    made = FaceTwin(servos=drawn.servos(face.nominal_servos))
    np.testing.assert_allclose(face.twin.landmarks(), made.landmarks(), atol=1e-9)
    np.testing.assert_allclose(responses(face.twin), responses(made), atol=1e-9)
    np.testing.assert_allclose(face.twin.servo_currents(), made.servo_currents(), atol=1e-6)


def test_no_variation_is_the_plain_twin() -> None:
    face = VariedFace(NOTHING)
    face.vary(np.random.default_rng(0))
    np.testing.assert_allclose(responses(face.twin), responses(FaceTwin()), atol=1e-12)


def test_faces_differ_and_seeds_repeat(face: VariedFace) -> None:
    def seen(seed: int) -> np.ndarray:
        face.vary(np.random.default_rng(seed))
        return responses(face.twin)

    np.testing.assert_array_equal(seen(1), seen(1))
    assert np.abs(seen(1) - seen(2)).max() > 1e-3


def test_stiffer_skin_gives_less_to_the_same_servos(face: VariedFace) -> None:
    def torque(stiffness: float) -> float:
        ranges = Randomisation(skin_stiffness=(stiffness, stiffness), servo_gain=(1.0, 1.0))
        face.wear(variation(0, ranges))
        commands = face.twin.rest_commands.copy()
        commands[7] = commands[9] = 1.0
        face.twin.step(commands, 1.0)
        return float(np.abs(face.twin.servo_torques()[[7, 9]]).mean())

    assert torque(1.4) > 1.2 * torque(0.7)


def test_latency_holds_from_the_first_frame() -> None:
    """A face at rest at time 0 has the latency that it has later."""
    twin = FaceTwin()

    def response() -> np.ndarray:
        commands = twin.rest_commands.copy()
        commands[0] = 0.8
        seen = []
        for _ in range(20):
            twin.step(commands, 0.002)
            seen.append(twin.joint_positions()[0])
        return np.array(seen)

    twin.reset()
    first = response()
    twin.reset()
    twin.step(twin.rest_commands, 1.0)
    np.testing.assert_allclose(response(), first, atol=1e-6)
    assert np.ptp(first[:10]) < 1e-9
    assert first[-1] > 5e-3


def test_ranges_that_make_no_sense_are_named() -> None:
    with pytest.raises(ValueError, match="servo_speed"):
        Randomisation(servo_speed=(0.0, 1.0))
    with pytest.raises(ValueError, match="servo_latency_s"):
        Randomisation(servo_latency_s=(-0.1, 0.1))
    with pytest.raises(ValueError, match="camera_shift_m"):
        Randomisation(camera_shift_m=(0.1, 0.0))
    with pytest.raises(ValueError, match="shell skin cannot be varied"):
        VariedFace(Randomisation(), "shell")


def changed(**values: float) -> ServoTable:
    table = load_servo_table()
    types = {name: servo.model_copy(update=values) for name, servo in table.servo_types.items()}
    return table.model_copy(update={"servo_types": types})


def test_what_cannot_be_exchanged_is_refused_and_changes_nothing() -> None:
    model = load_model("condensed", load_servo_table())
    before = model.actuator_gainprm.copy()
    for table, message in (
        (changed(latency=0.03), "latency of 30 ms is above the 20 ms"),
        (changed(rotor_inertia=0.01), "another armature"),
    ):
        with pytest.raises(ServoTableError, match=message):
            exchange_servos(model, table)
    np.testing.assert_array_equal(model.actuator_gainprm, before)
    ideal = load_model("condensed", load_servo_table(), ideal_servos=True)
    with pytest.raises(ServoTableError, match="ideal servo cannot be exchanged"):
        exchange_servos(ideal, load_servo_table())
