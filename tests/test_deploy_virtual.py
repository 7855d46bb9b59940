"""Deployments over the wire, to servos that are virtual and bytes that are real."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest

from sim.servo_table import load_servo_table
from sim2real.buses.registry import BUSES, open_bus, profile_of
from sim2real.calibration import nominal_calibration
from sim2real.deployment.clock import MonotonicClock
from sim2real.deployment.face import ServoFace
from sim2real.deployment.player import Outcome, Phase, Player
from sim2real.deployment.sources import TrajectorySource
from sim2real.deployment.stopping import StopRequest
from sim2real.trajectory import Trajectory, read_trajectory_csv, write_trajectory_csv
from sim2real.virtual_bus import Fault, VirtualBus

TABLE = load_servo_table()
RATE_HZ = 50.0
PATIENCE_S = 0.05
"""Tests share a computer with others: a late answer is not what they are about."""


def nod(duration_s: float) -> Trajectory:
    """The jaw opens and closes once."""
    times_s = np.arange(0.0, duration_s, 0.02)
    commands = np.tile(TABLE.rest_commands, (len(times_s), 1))
    commands[:, 0] = 0.5 * np.sin(np.pi * times_s / duration_s) ** 2
    return Trajectory(times_s, commands)


@contextmanager
def stage(protocol: str) -> Iterator[tuple[VirtualBus, Callable[..., Outcome]]]:
    """A virtual bus, and what deploys to it."""
    with (
        VirtualBus(protocol, TABLE) as virtual,
        open_bus(protocol, virtual.port, patience_s=PATIENCE_S) as bus,
    ):

        def run(
            trajectory: Trajectory,
            at_phase: Callable[[Phase], None] = lambda _: None,
            stop: StopRequest | None = None,
        ) -> Outcome:
            face = ServoFace(bus, nominal_calibration(TABLE, bus.profile), TABLE)
            player = Player(face, RATE_HZ, stop or StopRequest(), on_phase=at_phase)
            return player.run(TrajectorySource(trajectory), MonotonicClock())

        yield virtual, run


def assert_at_rest(virtual: VirtualBus) -> None:
    """Limp servos, and joints near rest; the last bytes may still be on the wire."""
    for _ in range(100):
        snapshot = virtual.snapshot()
        if not any(snapshot.is_driven):
            break
        time.sleep(0.02)
    assert not any(snapshot.is_driven)
    away = np.abs(np.array(snapshot.commands) - TABLE.rest_commands)
    assert away.max() < 0.12


@pytest.mark.parametrize("protocol", BUSES)
def test_every_protocol_plays_and_ends_at_rest_without_torque(protocol: str) -> None:
    with stage(protocol) as (virtual, run):
        outcome = run(nod(1.0))
        assert outcome.succeeded, (outcome.problems, outcome.retreat)
        assert_at_rest(virtual)
    commanded = outcome.recording.commanded()
    assert commanded is not None
    assert commanded.commands[:, 0].max() > 0.4
    measured = outcome.recording.measured()
    if not profile_of(protocol).reads_position:
        assert measured is None
        return
    assert measured is not None
    assert measured.commands[:, 0].max() == pytest.approx(0.5, abs=0.12)


FAULTS = {
    "dead": (Fault("dead", 3), Phase.PLAYING, "servo 3"),
    "unplug": (Fault("unplug"), Phase.PLAYING, "port"),
    "silence": (Fault("drop", value=1.0), Phase.CONNECTING, "no answer"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_and_ends_without_torque(name: str) -> None:
    fault, phase, message = FAULTS[name]
    with stage("lx16a") as (virtual, run):

        def inject(now: Phase) -> None:
            if now is phase:
                virtual.faults.inject(fault)

        outcome = run(nod(20.0), inject)
        told = "; ".join(outcome.problems)
        assert re.search(message, told)
        assert outcome.retreat.torque_off == (name != "unplug")
        if name == "dead":
            virtual.faults.clear()
            assert_at_rest(virtual)
        if name == "unplug":
            assert "switch the supply off NOW" in str(outcome.retreat)


def deploying(path: Path, port: str) -> subprocess.Popen[str]:
    """`liptwin deploy` in a process of its own."""
    command = [sys.executable, "-m", "liptwin", "deploy", str(path), "--port", port]
    command += ["--patience", str(1e3 * PATIENCE_S)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, bufsize=1)


def wait_for(process: subprocess.Popen[str], word: str) -> None:
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if word in line:
            return
    raise AssertionError("".join(said))


def test_a_player_that_is_stopped_killed_or_hangs_leaves_the_face_at_rest(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    write_trajectory_csv(path, nod(8.0))
    signals = (signal.SIGINT, signal.SIGKILL, signal.SIGSTOP)
    with ExitStack() as stack:
        virtual = [stack.enter_context(VirtualBus("lx16a", TABLE)) for _ in signals]
        players = [deploying(path, bus.port) for bus in virtual]
        for player in players:
            stack.callback(player.kill)
        for player, bus, number in zip(players, virtual, signals, strict=True):
            wait_for(player, "playing")
            assert any(bus.snapshot().is_driven)
            os.kill(player.pid, number)
        for player, bus, number in zip(players, virtual, signals, strict=True):
            assert player.stderr is not None
            said = player.stderr.read()  # ends when the player and its watchdog have ended
            player.wait(timeout=10)
            assert "servos at rest, torque off" in said
            assert player.returncode == (130 if number is signal.SIGINT else -signal.SIGKILL)
            assert ("watchdog" in said) == (number is not signal.SIGINT)
            assert_at_rest(bus)


def test_dry_runs_of_a_file_and_of_a_stream_that_breaks(tmp_path: Path) -> None:
    path = tmp_path / "nod.csv"
    write_trajectory_csv(path, nod(1.0))
    rows = path.read_text().splitlines(keepends=True)
    broken = [*rows[:30], "0.58,oops" + ",0.5" * 9 + "\n", *rows[31:]]
    log = tmp_path / "run.csv"
    dry_run = [sys.executable, "-m", "liptwin", "deploy", "--dry-run"]
    cases: list[tuple[list[str], str]] = [
        ([str(path), "--bus", "feetech", "--log", str(log)], ""),
        (["--stream"], "".join(broken)),
    ]
    pipe = subprocess.PIPE
    runs = [
        subprocess.Popen(dry_run + arguments, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        for arguments, _ in cases
    ]
    said = [run.communicate(text) for run, (_, text) in zip(runs, cases, strict=True)]
    assert [run.returncode for run in runs] == [0, 1], said
    assert "servos at rest, torque off" in said[0][0]
    assert "line 31, jaw_open: 'oops'" in said[1][1]
    assert "servos at rest, torque off" in said[1][1]
    measured = read_trajectory_csv(tmp_path / "run.measured.csv")
    assert measured.commands[:, 0].max() == pytest.approx(0.5, abs=0.15)
