"""The MuJoCo models of the two skins, with their servos."""

from pathlib import Path
from typing import Final, Literal, get_args

import mujoco

from sim.servo_table import ServoTable
from sim.servos import add_servos

Skin = Literal["condensed", "shell"]
SKINS: Final[tuple[Skin, ...]] = get_args(Skin)

FACE_MODEL_DIR: Final = Path(__file__).resolve().parents[1] / "assets" / "face_model"
"""The model folder: MJCF, meshes, textures, servo table."""


def load_model(
    skin: Skin,
    servos: ServoTable,
    *,
    ideal_servos: bool = False,
    folder: Path = FACE_MODEL_DIR,
) -> mujoco.MjModel:
    """Compile the face of a model folder with one of its skins.

    Raises:
        ValueError: unknown skin.
        ServoTableError: the servo table does not fit the model.
    """
    if skin not in SKINS:
        raise ValueError(f"unknown skin {skin!r}; use one of {', '.join(SKINS)}")
    spec = mujoco.MjSpec.from_file(str(folder / f"{skin}.xml"))
    add_servos(spec, servos, ideal=ideal_servos)
    return spec.compile()
