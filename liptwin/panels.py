"""Faces as streams of pictures, to be set side by side over a strip of speech."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from liptwin.options import Skin, View
from liptwin.production import open_renderer
from liptwin.rollout import roll_out
from liptwin.strip import SpeechStrip, font

if TYPE_CHECKING:
    from envs.target import LipShape, TargetFace

Picture = npt.NDArray[np.uint8]

_LABEL_SHARE: Final = 1 / 20
_LABEL_COLOUR: Final = (240, 240, 244)
_STRIP_SHARE: Final = 1 / 7
_MIN_STRIP_PX: Final = 40


def strip_height(view: View) -> int:
    """Height in pixels, even, of the strip under panels of `view`."""
    return 2 * round(max(_MIN_STRIP_PX, _STRIP_SHARE * view.size[1]) / 2)


def show_shapes(face: TargetFace, shapes: Iterable[LipShape], fps: float) -> Iterator[float]:
    """Yield the time of each shape's frame, while the target face shows it."""
    for index, shape in enumerate(shapes):
        face.show(shape)
        yield index / fps


def target_pictures(shapes: Iterable[LipShape], fps: float, view: View) -> Iterator[Picture]:
    """The target face making each shape."""
    from envs.target import TargetFace

    face = TargetFace()
    with open_renderer(face, view) as renderer:
        for _ in show_shapes(face, shapes, fps):
            yield renderer.render(view.camera)


def twin_pictures(
    commands: npt.NDArray[np.float64], fps: float, skin: Skin, view: View
) -> Iterator[Picture]:
    """The twin following commands (n, 10)."""
    from sim import FaceTwin

    twin = FaceTwin(skin=skin)
    with open_renderer(twin, view) as renderer:
        for _ in roll_out(twin, commands, fps):
            yield renderer.render(view.camera)


def side_by_side(panels: Mapping[str, Iterator[Picture]]) -> Iterator[Picture]:
    """The panels' pictures from left to right, each with its name."""
    for pictures in zip(*panels.values(), strict=True):
        yield np.concatenate(
            [_labelled(picture, name) for name, picture in zip(panels, pictures, strict=True)],
            axis=1,
        )


def over_strip(pictures: Iterator[Picture], strip: SpeechStrip, fps: float) -> Iterator[Picture]:
    """Each picture with the strip below it at its time."""
    for index, picture in enumerate(pictures):
        yield np.concatenate([picture, strip.picture(index / fps)])


def _labelled(picture: Picture, label: str) -> Picture:
    image = Image.fromarray(picture)
    size = max(9, round(_LABEL_SHARE * image.height))
    ImageDraw.Draw(image).text((size / 2, size / 2), label, fill=_LABEL_COLOUR, font=font(size))
    return np.asarray(image)
