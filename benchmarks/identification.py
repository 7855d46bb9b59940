"""How well identification recovers what was planted: `python -m benchmarks.identification`.

For each protocol, a virtual bus in a process of its own moves a twin whose servos differ from the
servo table in speed, gain, delay, friction and backlash, each servo in its own way. A deployment of
`liptwin excite` plays on it in real time, over the protocol's own bytes; its log is all that
identification sees. Encoders waver, and read whole counts.

Status 1 if a parameter is more than 5 % off, or a delay more than a control period. Delays include
the time that commands and answers spend on the wire. Use a quiet computer, or `--simulated`: the
same deployment over the same bytes, with a clock that waits for the twin.
"""

import argparse
import multiprocessing
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.deployment import RATES_HZ
from benchmarks.simulated_port import PATIENCE_S, SimulatedPort
from sim.dof import DOF_NAMES
from sim.servo_table import ServoTable, load_servo_table
from sim2real.buses.bus import ServoBus
from sim2real.buses.registry import BUSES, open_bus, profile_of
from sim2real.calibration import nominal_calibration
from sim2real.deployment.clock import MonotonicClock
from sim2real.deployment.face import ServoFace
from sim2real.deployment.pacing import Timer
from sim2real.deployment.player import Outcome, Player
from sim2real.deployment.sources import TrajectorySource
from sim2real.deployment.stopping import StopRequest
from sim2real.identification import (
    QUANTITIES,
    DeploymentLog,
    excitation,
    read_log,
    with_values,
)
from sim2real.identification.fitting import CONFIDENCE, Identification, identify
from sim2real.virtual_bus import VirtualBus

TALKATIVE: Final = [name for name, kind in BUSES.items() if kind.profile.reads_position]

SPANS: Final = {
    "no_load_speed": (0.75, 1.02),
    "stiffness": (0.75, 1.35),
    "latency": (0.6, 2.0),
    "no_load_current": (0.6, 2.0),
    "backlash_deg": (0.6, 2.0),
}
"""Between which factors planted parameters differ from the table's."""

GOOD_SHARE: Final = 0.05

NOISE_DEG: Final = 0.044
"""Half a count of an encoder of 4096, a fifth of one of LX-16A."""


@dataclass(frozen=True)
class EncoderNoise:
    """How encoders waver.

    Attributes:
        deg: standard deviation, degrees of the shaft.
        seed: of the noise.
    """

    deg: float
    seed: int


def planted_table(seed: int) -> ServoTable:
    """Servos that are not as the table says."""
    table = load_servo_table()
    rng = np.random.default_rng(seed)
    planted = {
        dof: {name: getattr(servo, name) * rng.uniform(*span) for name, span in SPANS.items()}
        for dof, servo in enumerate(table.types)
    }
    return with_values(table, planted)


def _serve(
    protocol: str, table: ServoTable, noise: EncoderNoise, link: str, pipe: Connection
) -> None:
    with VirtualBus(protocol, table, link=Path(link), encoder_noise_deg=noise.deg, seed=noise.seed):
        pipe.send("ready")
        pipe.recv()


@contextmanager
def remote(protocol: str, table: ServoTable, noise: EncoderNoise, folder: Path) -> Iterator[str]:
    """Port of virtual servos in another process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    link = str(folder / "bus")
    process = context.Process(
        target=_serve, args=(protocol, table, noise, link, theirs), daemon=True
    )
    process.start()
    ours.recv()
    try:
        yield link
    finally:
        ours.send("end")
        process.join(10)


def record(
    protocol: str,
    planted: ServoTable,
    noise: EncoderNoise,
    duration_s: float,
    *,
    simulated: bool,
) -> tuple[DeploymentLog, Outcome]:
    """Deploy an excitation; what the log says."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if simulated:
            port = SimulatedPort(protocol, planted, noise.deg, noise.seed)
            bus = BUSES[protocol].driver(port, PATIENCE_S)
            outcome = _play(bus, protocol, duration_s, port.timer)
        else:
            with remote(protocol, planted, noise, folder) as link, open_bus(protocol, link) as bus:
                outcome = _play(bus, protocol, duration_s, Timer())
        outcome.recording.save(folder / "log.csv")
        log = read_log(folder / "log.commanded.csv", folder / "log.readings.csv")
    return log, outcome


def _play(bus: ServoBus, protocol: str, duration_s: float, timer: Timer) -> Outcome:
    table = load_servo_table()
    face = ServoFace(bus, nominal_calibration(table, bus.profile), table)
    player = Player(face, RATES_HZ[protocol], StopRequest(), timer)
    return player.run(TrajectorySource(excitation(table, duration_s)), MonotonicClock(timer.now))


def show(console: Console, found: Identification, planted: ServoTable, period_s: float) -> int:
    """Print planted and found, and how often the intervals hold; how many are off by more than they
    should be."""
    table = Table()
    table.add_column("servo")
    for quantity in QUANTITIES:
        table.add_column(f"{quantity.name}, {quantity.unit}", justify="right")
    misses = 0
    inside: list[bool] = []
    for dof, estimates in found.estimates.items():
        cells = []
        for quantity in QUANTITIES:
            truth = float(getattr(planted.types[dof], quantity.column))
            value = estimates[quantity.column].value
            if quantity.column == "latency":
                bad = abs(value - truth) > period_s
                error = f"{1e3 * (value - truth):+.1f} ms"
            else:
                bad = abs(value / truth - 1.0) > GOOD_SHARE
                error = f"{100 * (value / truth - 1.0):+.1f} %"
                inside.append(abs(value - truth) <= estimates[quantity.column].half_width)
            misses += bad
            text = f"{truth:.4g} / {value:.4g} {error}"
            cells.append(f"[red]{text}[/]" if bad else text)
        table.add_row(DOF_NAMES[dof], *cells)
    console.print(table)
    console.print(
        f"{sum(inside)} of {len(inside)} are within their intervals of {CONFIDENCE:.0%}; delays, "
        "which include the wire's, are not counted"
    )
    return misses


def main() -> None:
    """Measure and print; status 1 if something is not recovered."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--bus", nargs="+", choices=TALKATIVE, default=TALKATIVE)
    parser.add_argument(
        "--simulated", action="store_true", help="in simulated time, whatever the load"
    )
    parser.add_argument("--seconds", type=float, default=30.0, help="length of the excitation")
    parser.add_argument("--noise", type=float, default=NOISE_DEG, help="of encoders, degrees")
    parser.add_argument("--seed", type=int, default=1, help="of what is planted, and of noise")
    arguments = parser.parse_args()
    console = Console(width=170)
    planted, table = planted_table(arguments.seed), load_servo_table()
    noise = EncoderNoise(arguments.noise, arguments.seed)
    misses = 0
    for protocol in arguments.bus:
        log, outcome = record(
            protocol, planted, noise, arguments.seconds, simulated=arguments.simulated
        )
        calibration = nominal_calibration(table, profile_of(protocol))
        found = identify(log, table, calibration, "benchmark")
        loop = outcome.recording.statistics()
        console.print(
            f"{protocol}: planted / found, {arguments.seconds:g} s at {RATES_HZ[protocol]:g} Hz, "
            f"{len(log.readings[0].times_s)} readings per servo, "
            f"noise {arguments.noise:g} degrees, {loop.lost} frames lost, "
            f"lateness p99 {loop.lateness_p99_ms:.1f} ms"
        )
        misses += show(console, found, planted, 1.0 / RATES_HZ[protocol])
        before, after = found.rms_before_deg, found.rms_after_deg
        console.print(
            f"twin to hardware, rms: {before.mean():.2f} degrees before, {after.mean():.2f} after"
        )
    console.print(f"{misses} parameters off by more than 5 % or a control period")
    sys.exit(1 if misses else 0)


if __name__ == "__main__":
    main()
