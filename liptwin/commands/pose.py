"""`liptwin pose`: pictures of held mouth shapes."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liptwin import gl
from liptwin.errors import CommandError
from liptwin.files import check_can_write, replacing
from liptwin.options import (
    CameraOption,
    QualityOption,
    SizeOption,
    Skin,
    SkinOption,
    View,
    parse_size,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

# How long the servos get to bring the face into the pose.
SETTLE_S = 1.0


def pose(
    shape: Annotated[
        str | None,
        typer.Argument(
            metavar="[POSE]", help="A named mouth shape, or DOF=VALUE,... with values 0 to 1."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Picture file to write, .png.")
    ] = None,
    sheet: Annotated[
        bool, typer.Option("--sheet", help="All named mouth shapes in one labelled picture.")
    ] = False,
    skin: SkinOption = "condensed",
    camera: CameraOption = "portrait",
    size: SizeOption = "512",
    quality: QualityOption = "beautiful",
) -> None:
    """Hold a mouth shape and take a picture of it.

    Degrees of freedom that you do not name stay at rest. On a sheet, --size is that of each cell.

    Examples:

      liptwin pose oo -o oo.png

      liptwin pose jaw_open=0.6,upper_lip_raise=0.8 --camera mouth -o open.png

      liptwin pose --sheet --camera mouth --size 256 -o sheet.png
    """
    if output is None:
        raise CommandError("say where the picture goes: -o FILE.png")
    if (shape is None) == (not sheet):
        raise CommandError("say what to show: a mouth shape, or --sheet for all of them, not both")
    check_can_write(output, ".png")
    view = View(camera, parse_size(size), quality)

    gl.prepare(rendering=True)
    from sim.poses import POSES

    if shape is None:
        picture = _contact_sheet(_photographed(list(POSES.values()), skin, view), list(POSES))
    else:
        picture = _photographed([_commands(shape, POSES)], skin, view)[0]
    with replacing(output) as partial:
        picture.save(partial)
    typer.echo(f"wrote {output}")


def _commands(shape: str, poses: Mapping[str, npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """(10,) commands of a named pose or of DOF=VALUE,...

    Raises:
        CommandError: no such pose or degree of freedom, or a value that is not in [0, 1].
    """
    if "=" not in shape:
        if shape not in poses:
            raise CommandError(_unknown("mouth shape", shape, list(poses)))
        return poses[shape]

    import numpy as np

    from sim.dof import DOF_NAMES
    from sim.servo_table import load_servo_table

    commands = np.array(load_servo_table().rest_commands)
    for setting in shape.split(","):
        name, _, value = (part.strip() for part in setting.partition("="))
        if name not in DOF_NAMES:
            raise CommandError(_unknown("degree of freedom", name, list(DOF_NAMES)))
        commands[DOF_NAMES.index(name)] = _command_value(name, value)
    return commands


def _command_value(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= 1.0:
        raise CommandError(f"{name}={text}: a command is a number from 0 to 1")
    return value


def _unknown(kind: str, name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"there is no {kind} {name!r}{hint}; there is {', '.join(known)}"


def _photographed(poses: list[npt.NDArray[np.float64]], skin: Skin, view: View) -> list[Image]:
    """A picture of each of the (10,) command vectors, held until the face is still."""
    from PIL import Image

    from liptwin.production import open_renderer
    from liptwin.progress import tracked
    from sim import FaceTwin

    twin = FaceTwin(skin=skin)
    pictures = []
    with open_renderer(twin, view) as renderer:
        for commands in tracked(poses, len(poses), "posing"):
            twin.reset()
            twin.step(commands, SETTLE_S)
            pictures.append(Image.fromarray(renderer.render(view.camera)))
    return pictures


def _contact_sheet(pictures: list[Image], labels: list[str]) -> Image:
    """The pictures in a grid about as wide as high, each with its label below."""
    from PIL import Image, ImageDraw, ImageFont

    width, height = pictures[0].size
    font_px = max(12, height // 14)
    row_height = height + 2 * font_px
    n_columns = math.ceil(math.sqrt(len(pictures)))
    n_rows = math.ceil(len(pictures) / n_columns)
    sheet = Image.new("RGB", (n_columns * width, n_rows * row_height), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(font_px)
    for index, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        row, column = divmod(index, n_columns)
        left, top = column * width, row * row_height
        sheet.paste(picture, (left, top))
        centre = (left + width / 2, top + height + font_px)
        draw.text(centre, label, fill="black", font=font, anchor="mm")
    return sheet
