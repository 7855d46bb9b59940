"""How well a deployment keeps time, and what becomes of the servos when something breaks.

Times on the wire, a minute per protocol, on virtual servos in a process of their own, and beside
them a loop that does nothing, for as long, because some computers are late by themselves:

    .venv/bin/python -m benchmarks.deployment

Every fault in every phase on every protocol (takes about ten minutes):

    .venv/bin/python -m benchmarks.deployment --faults
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from sim.servo_table import load_servo_table
from sim2real.buses.registry import BUSES, open_bus, profile_of
from sim2real.calibration import nominal_calibration
from sim2real.deployment.clock import MonotonicClock
from sim2real.deployment.face import ServoFace
from sim2real.deployment.pacing import Timer, beats, undisturbed
from sim2real.deployment.player import Outcome, Phase, Player
from sim2real.deployment.sources import TrajectorySource
from sim2real.deployment.stopping import StopRequest
from sim2real.trajectory import Trajectory
from sim2real.virtual_bus import Fault, VirtualBus

RATES_HZ: Final = {
    "lx16a": 50.0,
    "dynamixel": 100.0,
    "feetech": 100.0,
    "maestro": 50.0,
    "maestro-crc": 50.0,
}
SOUND_CARD_PPM: Final = 100.0
"""How much faster than the computer's clock the sound plays: a poor crystal."""

FAULTS: Final = {
    "one servo dead": Fault("dead", 3),
    "one servo hot": Fault("hot", 4, 90.0),
    "supply at 5 V": Fault("brownout", value=5.0),
    "supply gone": Fault("brownout", value=1.0),
    "unplugged": Fault("unplug"),
    "all bytes lost": Fault("drop", value=1.0),
    "2 % of bytes lost": Fault("drop", value=0.02),
    "2 % of bytes changed": Fault("corrupt", value=0.02),
}
PHASES: Final = (Phase.CONNECTING, Phase.SOFT_START, Phase.PLAYING, Phase.RETURNING)


class SoundCardClock(MonotonicClock):
    """A clock that runs `SOUND_CARD_PPM` off the computer's."""

    def time_s(self) -> float:
        """Seconds of the sound."""
        return super().time_s() * (1.0 + SOUND_CARD_PPM * 1e-6)


@dataclass(frozen=True)
class Remote:
    """A virtual bus in another process: its port, and how to break it and look at it."""

    port: str
    pipe: Connection

    def inject(self, fault: Fault) -> None:
        """From now on."""
        self.pipe.send(fault)

    def driven(self) -> int:
        """How many servos have torque."""
        self.pipe.send("driven")
        return int(self.pipe.recv())

    def away(self) -> float:
        """How far the servo farthest from rest is from it, as a share of its range."""
        self.pipe.send("away")
        return float(self.pipe.recv())


def _serve(protocol: str, link: str, pipe: Connection) -> None:
    table = load_servo_table()
    with VirtualBus(protocol, table, link=Path(link)) as virtual:
        pipe.send("ready")
        while True:
            match pipe.recv():
                case Fault() as fault:
                    virtual.faults.inject(fault)
                case "driven":
                    pipe.send(sum(virtual.snapshot().is_driven))
                case "away":
                    commands = np.array(virtual.snapshot().commands)
                    pipe.send(float(np.abs(commands - table.rest_commands).max()))
                case _:
                    return


@contextmanager
def remote(protocol: str) -> Iterator[Remote]:
    """Virtual servos in a process of their own, as hardware would not share our interpreter."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        link = str(Path(folder) / "bus")
        process = context.Process(target=_serve, args=(protocol, link, theirs), daemon=True)
        process.start()
        ours.recv()
        try:
            yield Remote(link, ours)
        finally:
            ours.send("end")
            process.join(10)


def speech_like(duration_s: float) -> Trajectory:
    """Ten servos in motion as in speech: 1 to 5 Hz, well within what they can do."""
    table = load_servo_table()
    times_s = np.arange(0.0, duration_s, 1 / 30)
    rest = np.clip(table.rest_commands, 0.15, 0.85)
    frequencies_hz = np.linspace(1.0, 5.0, len(rest))
    swings = 0.12 * np.sin(2 * np.pi * np.outer(times_s, frequencies_hz)) / frequencies_hz
    return Trajectory(times_s, rest + swings)


def play(
    bus_name: str,
    where: Remote,
    trajectory: Trajectory,
    on_phase: Callable[[Phase], None] = lambda _: None,
) -> Outcome:
    """Deploy to a remote bus."""
    table = load_servo_table()
    with open_bus(bus_name, where.port) as bus:
        face = ServoFace(bus, nominal_calibration(table, bus.profile), table)
        player = Player(face, RATES_HZ[bus_name], StopRequest(), on_phase=on_phase)
        return player.run(TrajectorySource(trajectory), SoundCardClock())


def bare_loop(rate_hz: float, duration_s: float) -> tuple[int, float]:
    """Periods lost, and the 99th percentile of lateness in ms, of a loop that does nothing: what
    this computer can do at best just now."""
    lost, late_ms = 0, []
    with undisturbed():
        for beat in itertools.islice(beats(rate_hz, Timer()), round(rate_hz * duration_s)):
            lost += beat.lost
            late_ms.append(beat.lateness_s * 1e3)
    return lost, float(np.percentile(late_ms, 99))


def measure_timing(protocols: list[str], duration_s: float) -> bool:
    """Print how each protocol kept time; whether all was as wanted."""
    table = Table(title=f"deployment, {duration_s:g} s, sound {SOUND_CARD_PPM:g} ppm fast")
    columns: tuple[str, ...] = (
        "bus",
        "Hz",
        "frames",
        "lost",
        "late median, ms",
        "p99, ms",
        "most, ms",
    )
    columns += ("bare loop: lost", "p99, ms")
    for column in (*columns, "drift, ms", "clock off, ms", "unanswered", "ended"):
        table.add_column(column, justify="right")
    good = True
    for name in protocols:
        bare_lost, bare_ms = bare_loop(RATES_HZ[name], duration_s)
        with remote(name) as where:
            outcome = play(name, where, speech_like(duration_s))
        found = outcome.recording.statistics()
        table.add_row(
            name,
            f"{RATES_HZ[name]:g}",
            str(found.frames),
            str(found.lost),
            *(f"{value:.2f}" for value in (found.lateness_median_ms, found.lateness_p99_ms)),
            f"{found.lateness_max_ms:.2f}",
            str(bare_lost),
            f"{bare_ms:.2f}",
            f"{found.drift_ms:.2f}",
            f"{found.clock_offset_ms:.2f}",
            str(outcome.recording.counters.lost),
            "well" if outcome.succeeded else "; ".join(outcome.problems),
        )
        good &= outcome.succeeded and not found.lost and found.lateness_p99_ms < 3.0
    Console(width=180).print(table)
    return good


def measure_faults(protocols: list[str]) -> bool:
    """Print what became of each fault in each phase; whether all ended as they should."""
    good = True
    for name in protocols:
        table = Table(title=f"faults on {name}: what was told, and how the servos were left")
        for column in ("fault", "from", "ended while", "driven", "off rest", "told"):
            table.add_column(column)
        cases = [(fault, phase) for fault in FAULTS for phase in PHASES]
        for fault_name, phase in track(cases, f"breaking {name}"):
            row, ok = _break(name, FAULTS[fault_name], phase)
            good &= ok
            table.add_row(fault_name, phase, *row, style=None if ok else "red")
        Console(width=170).print(table)
    return good


def _break(name: str, fault: Fault, phase: Phase) -> tuple[tuple[str, ...], bool]:
    """One deployment with one fault from one phase on."""
    with remote(name) as where:

        def inject(now: Phase) -> None:
            if now is phase:
                where.inject(fault)

        outcome = play(name, where, speech_like(6.0), inject)
        time.sleep(0.1)  # the last bytes are on the wire
        driven, away = where.driven(), where.away()
    told = "; ".join([*outcome.problems, *outcome.retreat.problems])
    reachable = fault.kind != "unplug" and not (fault.kind == "drop" and fault.amount == 1.0)
    may_be_survived = fault.kind in ("drop", "corrupt") and fault.amount < 1.0
    if not profile_of(name).reads_position:
        # nobody on a Maestro can tell; the controller's own silence is noticed in connecting
        may_be_survived |= fault.kind != "unplug"
    ok = (driven == 0 or not reachable) and (bool(told) or may_be_survived)
    return (outcome.phase, str(driven), f"{away:.2f}", told[:90]), ok


def main() -> None:
    """Measure and print; status 1 if something is not as it should be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--faults", action="store_true", help="break everything instead")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of a timing run")
    parser.add_argument("--bus", nargs="+", choices=list(BUSES), default=list(BUSES))
    arguments = parser.parse_args()
    if arguments.faults:
        good = measure_faults(arguments.bus)
    else:
        good = measure_timing(arguments.bus, arguments.seconds)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
