"""The virtual bus at its port, in real time, driven by our own drivers and the command line.

Patience is generous, so that a busy machine changes no verdict.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer

from liptwin.main import main
from sim2real.buses.bus import Alert, BusError, ServoBus
from sim2real.buses.registry import BUSES, open_bus
from sim2real.calibration.calibration import nominal_calibration
from sim2real.virtual_bus import Fault, FaultError, PortError, VirtualBus

PATIENCE_S = 1.0
JAW_ID = 1
TALKATIVE = [name for name, kind in BUSES.items() if kind.profile.reads_position]


def open_patiently(bus: VirtualBus, *, echo: bool = False) -> ServoBus:
    return open_bus(bus.profile.name, bus.port, echo=echo, patience_s=PATIENCE_S)


def wait_until(condition: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < ends_s, "it never happened"
        time.sleep(0.02)


@pytest.mark.parametrize("protocol", BUSES)
def test_our_drivers_move_and_read_the_twin(protocol: str) -> None:
    with VirtualBus(protocol) as bus, open_patiently(bus) as driver:
        calibration = nominal_calibration(bus.table, bus.profile)
        commands = bus.table.rest_commands.copy()
        commands[[0, 7]] = 0.6, 0.9
        ticks = calibration.ticks_from_commands(commands).tolist()
        assert all(driver.ping(servo_id) for servo_id in bus.bus_ids)
        driver.set_torque(bus.bus_ids, True)
        driver.move(dict(zip(bus.bus_ids, ticks, strict=True)), 0.02)
        wait_until(lambda: bool(np.allclose(bus.snapshot().commands, commands, atol=0.015)))
        if bus.profile.reads_position:
            time.sleep(0.2)
            read = driver.read_positions(bus.bus_ids)
            seen = calibration.commands_from_ticks([read[i] for i in bus.bus_ids])
            assert np.allclose(seen, bus.snapshot().commands, atol=0.01)
            assert driver.read_voltages([JAW_ID]) == {JAW_ID: pytest.approx(7.4)}
            assert driver.read_temperatures_degc([JAW_ID])[JAW_ID] == pytest.approx(25.0, abs=1.0)
            assert driver.read_alerts([JAW_ID]) == {JAW_ID: frozenset()}
        driver.set_torque(bus.bus_ids, False)
        wait_until(lambda: not any(bus.snapshot().is_driven))
        assert (driver.counters.corrupt, driver.counters.retries) == (0, 0)


@pytest.mark.parametrize("protocol", BUSES)
def test_nobody_answers_for_a_servo_that_is_not_there(protocol: str) -> None:
    with (
        VirtualBus(protocol) as bus,
        open_bus(protocol, bus.port, patience_s=0.1) as driver,
    ):
        assert not driver.ping(77)


@pytest.mark.parametrize("protocol", TALKATIVE)
def test_clients_hear_themselves_where_the_adapter_echoes(protocol: str) -> None:
    with VirtualBus(protocol, echo=True) as bus, open_patiently(bus, echo=True) as driver:
        assert len(driver.read_positions(bus.bus_ids)) == 10
        assert driver.counters.corrupt == 0
        wait_until(lambda: bus.snapshot().traffic.sent > bus.snapshot().traffic.received)


@pytest.mark.parametrize("protocol", TALKATIVE)
def test_damaged_bytes_are_noticed_and_asked_for_again(protocol: str) -> None:
    faults = [Fault("drop", value=0.01), Fault("corrupt", value=0.01)]
    with (
        VirtualBus(protocol, faults=faults, seed=1) as bus,
        open_bus(protocol, bus.port, patience_s=0.1) as driver,
    ):
        positions: list[int] = []
        for _ in range(5):
            positions += driver.read_positions(bus.bus_ids).values()
        assert len(positions) > 25
        assert all(abs(ticks - bus.profile.position.centre) < 5 for ticks in positions)
        assert driver.counters.retries > 0


@pytest.mark.parametrize("protocol", TALKATIVE)
def test_a_servo_that_dies_is_left_out(protocol: str) -> None:
    with (
        VirtualBus(protocol) as bus,
        open_bus(protocol, bus.port, patience_s=0.6) as driver,
    ):
        bus.faults.inject(Fault("dead", servo_id=4))
        wait_until(lambda: not driver.ping(4))
        assert sorted(driver.read_positions(bus.bus_ids)) == [i for i in bus.bus_ids if i != 4]


@pytest.mark.parametrize("protocol", TALKATIVE)
def test_overheating_and_brownout_are_reported(protocol: str) -> None:
    with (
        VirtualBus(protocol) as bus,
        open_bus(protocol, bus.port, patience_s=0.6) as driver,
    ):
        driver.set_torque(bus.bus_ids, True)
        bus.faults.inject(Fault("hot", servo_id=2, value=95.0))
        wait_until(lambda: bus.snapshot().temperatures_degc[1] == 95.0)
        alerts = driver.read_alerts([2, 3])
        assert alerts[2] == {Alert.OVERHEATING, Alert.LET_GO}
        assert alerts[3] == frozenset()
        bus.faults.inject(Fault("brownout", value=3.0))
        wait_until(lambda: not driver.ping(3))
        bus.faults.clear()
        wait_until(lambda: driver.ping(3))
        assert Alert.LET_GO in driver.read_alerts([3])[3]


@pytest.mark.parametrize("protocol", BUSES)
def test_a_port_that_is_pulled_out_is_reported(protocol: str) -> None:
    with VirtualBus(protocol) as bus, open_patiently(bus) as driver:
        assert driver.ping(JAW_ID)
        bus.faults.inject(Fault("unplug"))
        wait_until(lambda: not bus.is_serving)
        with pytest.raises(BusError, match="port failed"):
            driver.ping(JAW_ID)


def test_a_client_at_another_speed_is_not_understood() -> None:
    with (
        VirtualBus("feetech") as bus,
        open_bus("feetech", bus.port, 115200, patience_s=0.1) as driver,
    ):
        assert not driver.ping(JAW_ID)
        assert bus.snapshot().traffic.wrong_speed > 0


def test_bytes_take_their_time_on_the_wire() -> None:
    with (
        VirtualBus("lx16a", baud=2400) as bus,
        open_bus("lx16a", bus.port, 2400, patience_s=PATIENCE_S) as driver,
    ):
        start = time.monotonic()
        assert driver.ping(JAW_ID)
        # six bytes there, seven back, ten bits each
        assert time.monotonic() - start > 13 * 10 / 2400


def test_a_reader_that_never_reads_stops_nothing() -> None:
    with VirtualBus("dynamixel") as bus:
        client = os.open(bus.port, os.O_RDWR | os.O_NOCTTY)
        try:
            ping = bytes.fromhex("ff ff fd 00 fe 03 00 01 31 42")
            for _ in range(700):
                os.write(client, ping)
            wait_until(lambda: bus.snapshot().traffic.unread > 0)
        finally:
            os.close(client)
        wait_until(lambda: bus.snapshot().traffic.received == 7000)


def test_a_client_that_floods_the_wire_has_to_wait() -> None:
    with VirtualBus("lx16a", baud=9600) as bus:
        client = os.open(bus.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        sent = 0
        try:
            while sent < 1_000_000:
                sent += os.write(client, bytes(1000))
        except BlockingIOError:
            pass
        finally:
            os.close(client)
        assert sent < 1_000_000
        assert bus.is_serving


# -- the link


def test_the_link_comes_and_goes_with_the_bus(tmp_path: Path) -> None:
    link = tmp_path / "face"
    with VirtualBus("lx16a", link=link) as bus:
        assert bus.port == str(link)
        with open_patiently(bus) as driver:
            assert driver.ping(JAW_ID)
    assert not link.is_symlink()


def test_a_link_left_by_a_crash_is_replaced(tmp_path: Path) -> None:
    link = tmp_path / "face"
    link.symlink_to("/dev/pts/99999")
    with VirtualBus("lx16a", link=link):
        assert link.exists()
    assert not link.is_symlink()


def test_foreign_files_are_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "precious"
    file.write_text("data")
    broken = tmp_path / "broken"
    broken.symlink_to(tmp_path / "nowhere")
    for path in (file, tmp_path, broken):
        with pytest.raises(PortError, match="exists already"), VirtualBus("lx16a", link=path):
            pass
    assert file.read_text() == "data"
    assert broken.is_symlink()


def test_a_link_that_became_something_else_stays(tmp_path: Path) -> None:
    link = tmp_path / "face"
    with VirtualBus("lx16a", link=link):
        link.unlink()
        link.write_text("mine")
    assert link.read_text() == "mine"


def test_senseless_wishes_are_refused() -> None:
    with pytest.raises(FaultError, match="there are servos 1, 2"):
        VirtualBus("lx16a", faults=[Fault("dead", servo_id=99)])
    with pytest.raises(ValueError, match="no echo"):
        VirtualBus("maestro", echo=True)
    with pytest.raises(ValueError, match="there is no bus"):
        VirtualBus("telepathy")


# -- the command


def start_command(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "liptwin", "virtual-bus", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_told_to_end(tmp_path: Path, ending: int) -> None:
    link = tmp_path / "face"
    process = start_command("--protocol", "dynamixel", "--link", str(link))
    try:
        assert process.stdout is not None
        assert str(link) in process.stdout.readline()
        with open_bus("dynamixel", str(link), patience_s=PATIENCE_S) as driver:
            assert driver.ping(JAW_ID)
        process.send_signal(ending)
        said, complaints = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, complaints) == (0, "")
    assert re.fullmatch(r"received \d+ bytes, sent \d+\n", said)
    assert not link.is_symlink()


def test_the_command_hears_what_comes_where_exceptions_are_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupter:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    say = typer.echo

    def say_and_interrupt(line: str) -> None:
        say(line)
        if "Ctrl-C ends" in line:
            Interrupter()

    monkeypatch.setattr(typer, "echo", say_and_interrupt)
    with pytest.raises(SystemExit) as leaving:
        main(["virtual-bus", "--protocol", "maestro", "--fault", "unplug@10"])
    assert leaving.value.code == 0
    assert "the port is gone" not in capsys.readouterr().out


def test_the_command_films_a_session(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = tmp_path / "session.mp4"
    arguments = ["--protocol", "maestro", "--seconds", "0.5", "-o", str(film), "--size", "64"]
    with pytest.raises(SystemExit) as leaving:
        main(["virtual-bus", *arguments])
    assert leaving.value.code == 0
    assert film.stat().st_size > 1000
    assert "wrote" in capsys.readouterr().out


def test_the_command_ends_when_the_port_is_pulled_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["virtual-bus", "--protocol", "lx16a", "--fault", "unplug@0.2"])
    assert leaving.value.code == 0
    assert "the port is gone" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--fault", "fire"], "--fault 'fire': there is no fault"),
        (["--fault", "dead:77"], "there are servos 1, 2"),
        (["--link", "/nowhere/face"], "cannot be made"),
        (["--servos", "/nowhere.yaml"], "cannot be read"),
        (["-o", "film.txt"], "must end in .mp4"),
    ],
)
def test_the_command_says_what_is_wrong(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["virtual-bus", "--protocol", "lx16a", "--seconds", "0.1", *arguments])
    assert leaving.value.code in (1, 2)
    assert complaint in capsys.readouterr().err
