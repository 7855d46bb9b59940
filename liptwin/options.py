"""Options that several commands share, and what they mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from liptwin.errors import CommandError
from liptwin.files import check_can_write

MIN_SIDE_PX = 16
MAX_SIDE_PX = 2160


Skin = Literal["condensed", "shell"]
Quality = Literal["beautiful", "fast"]
Camera = Literal["portrait", "three_quarter", "profile", "mouth", "lip_crop"]

SkinOption = Annotated[
    Skin,
    typer.Option(help="Skin model: condensed is fast, shell is the finite-element reference."),
]
QualityOption = Annotated[Quality, typer.Option(help="Fast leaves out smooth edges.")]
CameraOption = Annotated[Camera, typer.Option(help="Where the face is seen from.")]
SizeOption = Annotated[
    str, typer.Option(help="Picture size in pixels, one number or WIDTHxHEIGHT; even numbers.")
]
FpsOption = Annotated[float, typer.Option(min=1.0, max=240.0, help="Video frames per second.")]
VideoOption = Annotated[
    Path | None, typer.Option("--output", "-o", help="Video file to write, .mp4.")
]
TrajectoryOption = Annotated[
    Path | None,
    typer.Option(
        "--trajectory", help="Servo commands to write, .csv: time_s and ten columns in 0..1."
    ),
]
FixOption = Annotated[
    bool,
    typer.Option(
        "--fix",
        help="Change the commands as little as it takes for servos to follow them, as `liptwin "
        "validate --fix` does; all that is written goes by those.",
    ),
]
MeasurementsOption = Annotated[
    Path | None,
    typer.Option(
        "--measurements",
        help="What the lips did, to write, .csv: aperture, width, protrusion, jaw, contacts.",
    ),
]
PhonesOutputOption = Annotated[
    Path | None,
    typer.Option("--write-phones", help="Phones of --text, to write, .csv: start_s, end_s, ipa."),
]


@dataclass(frozen=True)
class View:
    """What a picture shows and how.

    Attributes:
        camera: where the face is seen from.
        size: (width, height) in pixels.
        quality: how much work goes into it.
    """

    camera: Camera
    size: tuple[int, int]
    quality: Quality


@dataclass(frozen=True)
class Outputs:
    """The files a command was asked to write; None is not wanted.

    Raises:
        CommandError: no file is wanted, two are the same, or one cannot be written.
    """

    video: Path | None
    trajectory: Path | None
    measurements: Path | None
    phones: Path | None = None

    def __post_init__(self) -> None:
        tables = (self.trajectory, self.measurements, self.phones)
        wanted = [path for path in (self.video, *tables) if path is not None]
        if not wanted:
            raise CommandError(
                "nothing to do: say what to write with -o VIDEO.mp4, --trajectory COMMANDS.csv "
                "or --measurements LIPS.csv"
            )
        if len({path.absolute() for path in wanted}) < len(wanted):
            raise CommandError("two outputs have the same name; give each file its own")
        if self.video is not None:
            check_can_write(self.video, ".mp4")
        for path in tables:
            if path is not None:
                check_can_write(path, ".csv")


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) in pixels from "512" or "640x360".

    Raises:
        CommandError: not a size, odd, or out of bounds.
    """
    match = re.fullmatch(r"(\d{1,6})(?:x(\d{1,6}))?", text.strip().lower())
    if match is None:
        raise CommandError(f"--size {text!r} is not a size; write 512 or 640x360")
    width = int(match[1])
    height = int(match[2] or match[1])
    for side in (width, height):
        if side % 2:
            raise CommandError(f"--size {text}: video needs even numbers; {side} is odd")
        if not MIN_SIDE_PX <= side <= MAX_SIDE_PX:
            raise CommandError(
                f"--size {text}: {side} is out of bounds, {MIN_SIDE_PX} to {MAX_SIDE_PX} pixels"
            )
    return width, height
