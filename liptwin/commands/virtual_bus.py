"""`liptwin virtual-bus`: ten servos behind a port, that move the twin."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from liptwin import gl
from liptwin.errors import CommandError
from liptwin.files import check_can_write
from liptwin.options import (
    CameraOption,
    FpsOption,
    QualityOption,
    SizeOption,
    VideoOption,
    View,
    parse_size,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from rich.table import Table

    from sim.servo_table import ServoTable
    from sim2real.deployment.stopping import StopRequest
    from sim2real.virtual_bus import BusSnapshot, Fault, VirtualBus

Protocol = Literal["lx16a", "dynamixel", "feetech", "maestro", "maestro-crc"]

# How often the display is renewed.
REFRESH_S = 0.25


def virtual_bus(
    protocol: Annotated[Protocol, typer.Option(help="What the servos speak.")],
    link: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="A lasting name for the port: a symbolic link to it."),
    ] = None,
    baud: Annotated[
        int | None,
        typer.Option(min=1200, max=4_000_000, help="Speed of the wire; else the protocol's usual."),
    ] = None,
    echo: Annotated[
        bool, typer.Option("--echo", help="Clients hear themselves, as on bare adapters.")
    ] = False,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FAULT", help="KIND[:SERVO][=VALUE][@START[-END]]; may be given several times."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the bytes that faults drop and change.")] = 0,
    servos: Annotated[
        Path | None, typer.Option(help="Servo table, .yaml; else the face model's own.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="End after this time; else on Ctrl-C.")
    ] = None,
    output: VideoOption = None,
    camera: CameraOption = "portrait",
    fps: FpsOption = 30.0,
    size: SizeOption = "512",
    quality: QualityOption = "beautiful",
) -> None:
    """Serve ten servos on a pseudo-terminal; whatever drives them moves the twin in real time.

    Any program that opens serial ports can be the client. With -o, the session is filmed when it
    ends (its first ten minutes). Faults, with times in seconds after the start:

      drop=P, corrupt=P   bytes vanish or change with probability P

      dead:ID             a servo falls silent and limp

      hot:ID=T            a servo reports T degC

      brownout=V          the supply falls to V volt

      unplug              the adapter is pulled out

    Examples:

      liptwin virtual-bus --protocol lx16a --link /tmp/face

      liptwin virtual-bus --protocol dynamixel --fault dead:3@5 --fault drop=0.001

      liptwin virtual-bus --protocol feetech --seconds 20 -o session.mp4
    """
    view = View(camera, parse_size(size), quality)
    if output is not None:
        check_can_write(output, ".mp4")
    gl.prepare(rendering=output is not None)
    table = _servo_table(servos)
    with _explained():
        from sim2real.deployment.stopping import StopRequest
        from sim2real.virtual_bus import VirtualBus

        bus = VirtualBus(
            protocol,
            table,
            baud=baud,
            echo=echo,
            faults=_faults(fault or []),
            seed=seed,
            link=link,
            record_fps=None if output is None else fps,
        )
        stop = StopRequest()
        with stop.heeding_signals(), bus:
            typer.echo(f"ten {protocol} servos at {bus.baud} baud on {bus.port}; Ctrl-C ends")
            _show(bus, stop, seconds)
            if not bus.is_serving:
                typer.echo("the port is gone")
            traffic = bus.snapshot().traffic
    typer.echo(f"received {traffic.received} bytes, sent {traffic.sent}")
    if output is not None:
        _film(bus, view, output)


def _servo_table(path: Path | None) -> ServoTable:
    from sim.servo_table import ServoTableError, load_servo_table

    try:
        return load_servo_table(path)
    except ServoTableError as error:
        raise CommandError(str(error)) from error


def _faults(texts: list[str]) -> list[Fault]:
    from sim2real.virtual_bus import FaultError, parse_fault

    try:
        return [parse_fault(text) for text in texts]
    except FaultError as error:
        raise CommandError(f"--fault {error}") from error


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn what a virtual bus raises into what the user can do about it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "serial":
            raise
        raise CommandError(
            "this needs pyserial; run: pip install 'liptwin[hardware]'", exit_status=1
        ) from error
    except ValueError as error:
        raise CommandError(str(error)) from error
    except FloatingPointError as error:
        raise CommandError(f"{error}; the bus is closed", exit_status=1) from error
    except OSError as error:
        raise CommandError(str(error), exit_status=1) from error


def _show(bus: VirtualBus, stop: StopRequest, seconds: float | None) -> None:
    """Keep a display on stderr until asked to stop, the time is over, or the port gone."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    ends_s = math.inf if seconds is None else time.monotonic() + seconds
    before = bus.snapshot()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while bus.is_serving and not stop.requested and (left_s := ends_s - time.monotonic()) > 0:
            time.sleep(min(REFRESH_S, left_s))
            now = bus.snapshot()
            if console.is_terminal:
                live.update(_display(bus, before, now), refresh=True)
            before = now


def _display(bus: VirtualBus, before: BusSnapshot, now: BusSnapshot) -> Table:
    from rich.table import Table

    from sim.dof import DOF_NAMES

    lasted_s = max(now.time_s - before.time_s, 1e-3)
    rates = [
        (getattr(now.traffic, way) - getattr(before.traffic, way)) / lasted_s
        for way in ("received", "sent")
    ]
    supply = now.supply_voltage
    caption = f"{now.time_s:.1f} s, {supply:.1f} V, in {rates[0]:.0f} B/s, out {rates[1]:.0f} B/s"
    if now.traffic.wrong_speed:
        caption += f"; a client is not at {bus.baud} baud"
    table = Table(title=f"{bus.profile.name} on {bus.port}", caption=caption)
    for heading in ("servo", "joint", "position", "degC", "drive"):
        table.add_column(heading, justify="left" if heading in ("joint", "drive") else "right")
    for place, (name, servo_id) in enumerate(zip(DOF_NAMES, bus.bus_ids, strict=True)):
        table.add_row(
            str(servo_id),
            name,
            f"{now.commands[place]:.3f}",
            f"{now.temperatures_degc[place]:.0f}",
            "holds" if now.is_driven[place] else "limp",
        )
    return table


def _film(bus: VirtualBus, view: View, path: Path) -> None:
    from liptwin.production import open_renderer
    from liptwin.progress import tracked
    from liptwin.video import write_video
    from sim import FaceTwin

    assert bus.recording is not None
    states, fps = bus.recording.states, bus.recording.fps
    twin = FaceTwin(servos=bus.table)
    with open_renderer(twin, view) as renderer:

        def pictures() -> Iterator[npt.NDArray[np.uint8]]:
            for state in tracked(states, len(states), "filming"):
                twin.restore_state(state)
                yield renderer.render(view.camera)

        write_video(path, pictures(), len(states), view.size, fps)
    typer.echo(f"wrote {path}: {len(states)} frames, {len(states) / fps:.2f} s")
