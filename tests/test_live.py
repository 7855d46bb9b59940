"""Commands that arrive while they are played: pieces, pauses, floods and rubbish."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sim.dof import DOF_NAMES, N_DOF
from sim.servo_table import load_servo_table
from sim2real.deployment import stream
from sim2real.deployment.stream import StreamError, StreamSource
from sim2real.deployment.stream_rows import LONGEST_LINE, RowParser
from sim2real.trajectory import COLUMNS, TrajectoryError

REST = load_servo_table().rest_commands
HEADER = (",".join(COLUMNS) + "\n").encode()
PERIOD_S = 0.02


def rows(start_s: float, end_s: float, jaw: float | None = None) -> bytes:
    """Lines 20 ms apart; the jaw opens with time, or stays at `jaw`."""
    lines = []
    for time_s in np.arange(start_s, end_s - 1e-9, PERIOD_S):
        commands = REST.copy()
        commands[0] = min(1.0, time_s / 10) if jaw is None else jaw
        lines.append(",".join(f"{value:.6f}" for value in (time_s, *commands)) + "\n")
    return "".join(lines).encode()


class Sender:
    """The writing end of a pipe, and the source at its other end."""

    def __init__(self) -> None:
        reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        self._reading = reading
        self.source = StreamSource(reading, REST)
        self.time_s = 0.0

    def send(self, data: bytes) -> None:
        os.write(self._writing, data)

    def close(self) -> None:
        if self._writing >= 0:
            os.close(self._writing)
            self._writing = -1

    def play(self, duration_s: float) -> NDArray[np.float64]:
        """What the face is told meanwhile, (n, 10)."""
        played = []
        for _ in range(round(duration_s / PERIOD_S)):
            self.time_s += PERIOD_S
            if not self.source.ended(self.time_s):
                played.append(self.source.at(self.time_s))
        return np.array(played).reshape(-1, N_DOF)

    def clean_up(self) -> None:
        self.close()
        os.close(self._reading)


@pytest.fixture
def sender() -> Iterator[Sender]:
    made = Sender()
    yield made
    made.clean_up()


def test_nothing_moves_until_enough_has_come(sender: Sender) -> None:
    assert sender.play(0.5) == pytest.approx(np.tile(REST, (25, 1)))
    sender.send(HEADER + rows(0, stream.PREFILL_S / 2, jaw=0.8))
    assert sender.play(0.5) == pytest.approx(np.tile(REST, (25, 1)))
    sender.send(rows(stream.PREFILL_S / 2, 2.0, jaw=0.8))
    assert sender.play(1.0)[-1, 0] == pytest.approx(0.8)


def test_a_stream_is_played_at_the_pace_of_its_times_and_ends_with_the_pipe(
    sender: Sender,
) -> None:
    sender.send(HEADER + rows(5.0, 7.0))  # where its times begin does not matter
    sender.close()
    played = sender.play(4.0)
    assert len(played) == pytest.approx(2.0 / PERIOD_S, abs=2)
    later = played[20:, 0]
    assert np.diff(later) == pytest.approx(np.full(len(later) - 1, PERIOD_S / 10), abs=1e-4)
    assert sender.source.starved == 0


def test_starving_holds_then_eases_to_rest_and_plays_on_when_fed(sender: Sender) -> None:
    sender.send(HEADER + rows(0.0, 1.0, jaw=0.6))
    sender.play(0.9)
    held = sender.play(stream.HOLD_S)
    assert held[:, 0] == pytest.approx(np.full(len(held), 0.6))
    eased = sender.play(stream.EASE_S + 0.4)
    assert np.all(np.diff(eased[:, 0]) <= 1e-9)
    assert eased[-1] == pytest.approx(REST)
    assert sender.source.starved == 1
    sender.send(rows(1.0, 2.0, jaw=0.5))
    again = sender.play(0.6)
    assert again[-1, 0] == pytest.approx(0.5)
    assert np.abs(np.diff(again[:, 0])).max() < 0.1  # blended, no jump
    assert 1.0 < sender.source.starved_s < 2.0


def test_a_hasty_sender_has_to_wait(sender: Sender) -> None:
    sender.send(HEADER)
    sent = 0
    for start_s in np.arange(0.0, 60.0):
        try:
            sender.send(rows(start_s, start_s + 1.0, jaw=0.3))
        except BlockingIOError:
            break
        sent += 1
        sender.source.at(0.0)
    assert stream.CAPACITY_ROWS * PERIOD_S <= sent < 59
    assert sender.play(1.0)[-1, 0] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"hello\n", "line 1: wrong columns"),
        (HEADER + b"0,1,2\n", "line 2: has 3 values"),
        (HEADER + rows(0, 0.02) + b"0.5" + b",nan" * 10 + b"\n", "line 3, jaw_open: 'nan'"),
        (HEADER + b"0" + b",1.5" * 10 + b"\n", "jaw_open: 1.5 is not a command"),
        (HEADER + rows(0.5, 0.52) + rows(0.1, 0.12), "line 3, time_s: 0.1 does not come after"),
        (HEADER + b"\xff\xfe\n", "not UTF-8"),
        (HEADER + b"1" * (LONGEST_LINE + 1), "line 2: is longer than"),
    ],
)
def test_rubbish_is_named(sender: Sender, data: bytes, message: str) -> None:
    sender.send(data)
    sender.close()
    with pytest.raises(StreamError, match=message):
        sender.play(1.0)


def test_a_pipe_that_closes_before_its_header_is_an_error(sender: Sender) -> None:
    sender.close()
    with pytest.raises(StreamError, match="before its header"):
        sender.play(0.1)


def test_a_header_without_rows_is_the_end(sender: Sender) -> None:
    sender.send(HEADER)
    sender.close()
    sender.play(0.1)
    assert sender.source.ended(sender.time_s)


def test_columns_are_found_by_name_and_a_last_line_needs_no_end() -> None:
    header = ",".join(["time_s", *reversed(DOF_NAMES)])
    values = ",".join(f"0.{k}" for k in range(10))
    parser = RowParser("it")
    assert parser.feed(f"# fps: 30\n{header}\n0,{values}".encode()) == []
    ((time_s, commands),) = parser.finish()
    assert time_s == 0.0
    assert commands == pytest.approx(np.arange(10)[::-1] / 10)


@settings(max_examples=50, deadline=None)
@given(cuts=st.lists(st.integers(0, 3000), max_size=20))
def test_pieces_of_any_size_give_the_same_rows(cuts: list[int]) -> None:
    data = HEADER + rows(0.0, 0.5)
    ends = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    parser = RowParser("it")
    found = []
    for start, end in itertools.pairwise(ends):
        found += parser.feed(data[start:end])
    found += parser.finish()
    assert [time_s for time_s, _ in found] == pytest.approx(np.arange(25) * PERIOD_S)


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=400), has_header=st.booleans())
def test_no_bytes_crash_the_parser(data: bytes, has_header: bool) -> None:
    parser = RowParser("it")
    found = []
    with contextlib.suppress(TrajectoryError):
        found += parser.feed(HEADER if has_header else b"")
        found += parser.feed(data)
        found += parser.finish()
    assert all(commands.min() >= 0.0 and commands.max() <= 1.0 for _, commands in found)
