"""`liptwin calibrate`: walk through the servos of a face and write down where their ranges lie."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liptwin import gl
from liptwin.errors import CommandError
from liptwin.files import check_can_write

if TYPE_CHECKING:
    from rich.console import Console

    from sim2real.calibration.walk import ServoWalk

# Nothing is in a hurry here; a slow adapter is waited for.
_PATIENCE_S = 0.1


def calibrate(
    port: Annotated[str, typer.Option(help="Serial port of the servos, such as /dev/ttyUSB0.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Calibration to write, .yaml.")],
    bus: Annotated[
        str, typer.Option(help="Protocol: lx16a, dynamixel, feetech, maestro or maestro-crc.")
    ] = "lx16a",
    script: Annotated[
        Path | None,
        typer.Option(help="Keys for each servo instead of a keyboard, .yaml: jaw_open: 'r ]]] 1'."),
    ] = None,
    baud: Annotated[
        int | None, typer.Option(help="Speed of the bus; by default what the protocol usually has.")
    ] = None,
    echo: Annotated[
        bool, typer.Option("--echo", help="The adapter hears itself (bare half-duplex wiring).")
    ] = False,
) -> None:
    """Find the rest and the ends of every servo, one by one, in small safe steps.

    Only the servo being walked has torque, and every key is one small step or one mark. Mark the
    rest of each servo (r); mark its ends too (0 and 1) where the linkage is not exactly as the
    servo table says. Keys, once it runs: + - small steps, ] [ large steps, n next, b back, q give
    up, ? all keys. Without a terminal, keys are read from standard input.

    Examples:

      liptwin calibrate --port /dev/ttyUSB0 -o face.yaml

      liptwin calibrate --port /dev/ttyACM0 --bus feetech -o face.yaml

      liptwin calibrate --port /dev/ttyUSB0 --script keys.yaml -o face.yaml
    """
    check_can_write(output, ".yaml")
    gl.prepare(rendering=False)
    from rich.console import Console

    from sim.servo_table import load_servo_table
    from sim2real.buses.bus import BusError
    from sim2real.buses.registry import open_bus, profile_of
    from sim2real.calibration import CalibrationError, save_calibration
    from sim2real.calibration.walk import Walk, WalkAbandoned

    console = Console(highlight=False)
    try:
        profile_of(bus)
    except ValueError as error:
        raise CommandError(f"--bus: {error}") from error
    try:
        keys = _script(script) if script is not None else _keyboard(console)
        with open_bus(bus, port, baud, echo=echo, patience_s=_PATIENCE_S) as servos:
            calibration = Walk(servos, load_servo_table(), keys).run()
        save_calibration(output, calibration)
    except CalibrationError as error:
        raise CommandError(str(error)) from error
    except BusError as error:
        raise CommandError(str(error), exit_status=1) from error
    except WalkAbandoned as error:
        raise CommandError(
            "given up; nothing was written, torque is off", exit_status=130
        ) from error
    typer.echo(f"wrote {output}: {len(calibration.servos)} servos")


def _script(path: Path) -> Callable[[ServoWalk], str]:
    from sim2real.calibration.walk import parse_script, scripted

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: cannot be read ({error}); check the path") from error
    return scripted(parse_script(text, str(path)))


def _keyboard(console: Console) -> Callable[[ServoWalk], str]:
    """Keys as they are pressed; from a pipe, as they come, line ends left out."""
    from sim2real.calibration.walk import KEYS

    for key, meaning in KEYS.items():
        console.print(f"{key}  {meaning}", markup=False)

    def press(walk: ServoWalk) -> str:
        _show(console, walk)
        if sys.stdin.isatty():
            return typer.getchar()
        while (key := sys.stdin.read(1)).isspace():
            pass
        if not key:
            raise EOFError
        return key

    return press


def _show(console: Console, walk: ServoWalk) -> None:
    """One line for each key: the servo, where it is, what is marked."""
    if walk.note:
        console.print(walk.note, style="yellow", markup=False)
    marks = {"rest": walk.marks.rest, "0": walk.marks.at_0, "1": walk.marks.at_1}
    marked = ", ".join(f"{name} at {ticks}" for name, ticks in marks.items() if ticks is not None)
    console.print(
        f"servo {walk.servo.bus_id} {walk.servo.dof}: {walk.position} ticks; "
        f"marked: {marked or 'nothing'}",
        markup=False,
    )
