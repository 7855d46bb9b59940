"""How close the virtual bus comes to a wire: `python -m benchmarks.bus_timing`.

Our drivers run a control loop (move all servos, read what fits) on absolute deadlines. The lag is
what a cycle's reading takes beyond the wire's own time; lateness is how late cycles begin. The bus
is served by a thread of this process, and by `liptwin virtual-bus` in a process of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.deployment import RATES_HZ
from sim.servo_table import load_servo_table
from sim2real.buses.registry import BUSES, open_bus
from sim2real.deployment.supervision import READS_IN_TURN
from sim2real.virtual_bus import VirtualBus
from sim2real.virtual_bus.lx16a_servos import RETURN_DELAY_S

WARM_UP_S = 0.5

# Bytes of one cycle: moves of ten servos, and the questions and answers of its reading, with what
# the servos wait before they answer. Feetech and Dynamixel read ten positions with one question.
READING_BYTES = {"lx16a": READS_IN_TURN * (6 + 8), "dynamixel": 24 + 10 * 15, "feetech": 18 + 80}
READING_DELAY_S = {"lx16a": READS_IN_TURN * RETURN_DELAY_S}
MOVE_BYTES = {"lx16a": 100, "dynamixel": 64, "feetech": 38}


@dataclass(frozen=True)
class Timing:
    """What a run measured, arrays over its cycles.

    Attributes:
        late_s: how late each cycle began.
        lag_s: how much longer its reading took than on a wire.
        lost: questions without an answer.
    """

    late_s: list[float]
    lag_s: list[float]
    lost: int


def run_loop(protocol: str, port: str, seconds: float) -> Timing:
    """Move and read at the protocol's rate."""
    ids = [row.bus_id for row in load_servo_table().servos]
    kind, period_s = BUSES[protocol], 1 / RATES_HZ[protocol]
    centre = kind.profile.position.centre
    wire_s = (MOVE_BYTES.get(protocol, 0) + READING_BYTES.get(protocol, 0)) * 10 / kind.profile.baud
    wire_s += READING_DELAY_S.get(protocol, 0.0)
    late_s, lag_s = [], []
    with open_bus(protocol, port) as bus:
        bus.set_torque(ids, True)
        time.sleep(WARM_UP_S)
        lost_before = bus.counters.lost
        start_s = time.perf_counter()
        for cycle in range(round(seconds / period_s)):
            due_s = start_s + cycle * period_s
            time.sleep(max(0.0, due_s - time.perf_counter()))
            begun_s = time.perf_counter()
            late_s.append(begun_s - due_s)
            swing = round(50 * np.sin(2 * np.pi * cycle * period_s))
            bus.move(dict.fromkeys(ids, centre + swing), period_s)
            if kind.profile.reads_position:
                in_turn = [
                    ids[(cycle * READS_IN_TURN + k) % len(ids)] for k in range(READS_IN_TURN)
                ]
                bus.read_positions(ids if kind.profile.reads_all_at_once else in_turn)
                lag_s.append(time.perf_counter() - begun_s - wire_s)
        lost = bus.counters.lost - lost_before
        bus.set_torque(ids, False)
    return Timing(late_s, lag_s, lost)


@contextlib.contextmanager
def served_by_thread(protocol: str) -> Iterator[str]:
    """Port of a bus that this process serves."""
    with VirtualBus(protocol) as bus:
        yield bus.port


@contextlib.contextmanager
def served_by_process(protocol: str) -> Iterator[str]:
    """Port of a bus that another process serves."""
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / "bus"
        command = [sys.executable, "-m", "liptwin", "virtual-bus", "--protocol", protocol]
        process = subprocess.Popen([*command, "--link", str(link)], stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            process.stdout.readline()  # says that it serves
            yield str(link)
        finally:
            process.terminate()
            process.wait()


def main() -> None:
    """Parse the command line, run, print."""
    command_line = argparse.ArgumentParser(
        prog="python -m benchmarks.bus_timing", description="Timing of the virtual bus."
    )
    command_line.add_argument("--seconds", type=float, default=10.0, help="length of each run")
    command_line.add_argument("--only", nargs="+", choices=BUSES, help="only these protocols")
    arguments = command_line.parse_args()
    table = Table("protocol", "Hz", "served by", "late p50 ms", "p99", "lag p50 ms", "p99", "lost")
    for protocol in arguments.only or BUSES:
        for name, serving in (("thread", served_by_thread), ("process", served_by_process)):
            with serving(protocol) as port:
                timing = run_loop(protocol, port, arguments.seconds)
            late = [f"{1e3 * np.percentile(timing.late_s, q):.2f}" for q in (50, 99)]
            lag = ["", ""]
            if timing.lag_s:
                lag = [f"{1e3 * np.percentile(timing.lag_s, q):.2f}" for q in (50, 99)]
            table.add_row(protocol, f"{RATES_HZ[protocol]:g}", name, *late, *lag, str(timing.lost))
    Console().print(table)


if __name__ == "__main__":
    main()
