"""Questions to servos and their answers: waiting, asking again, counting."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from sim2real.buses.bus import BusCounters
from sim2real.buses.frame_parser import Damage, FrameParser
from sim2real.buses.serial_port import SerialPort

Frame = TypeVar("Frame")

PATIENCE_S: Final = 0.010
"""How long servo and adapter may take beyond the wire's own time, unless told otherwise."""


class Exchange(Generic[Frame]):
    """A half-duplex line with one master: each question ends the one before.

    Args:
        port: to the servos.
        parser: of the protocol's frames.
        patience_s: how long servo and adapter may take beyond the wire's own time.
    """

    def __init__(self, port: SerialPort, parser: FrameParser[Frame], patience_s: float) -> None:
        self.port = port
        self.counters = BusCounters()
        self._parser = parser
        self._patience_s = patience_s
        self._silent: set[int] = set()

    def tell(self, data: bytes) -> None:
        """Send what nobody answers."""
        self.counters.writes += 1
        self.port.write(data)

    def ask(
        self,
        servo_ids: Sequence[int],
        question: Callable[[Sequence[int]], bytes],
        accept: Callable[[Frame], tuple[int, bytes] | None],
        answer_size: int,
    ) -> dict[int, bytes]:
        """Ask servos, all with one question; then those that were missed, once more.

        If nobody answered, the question was lost: all are asked again together. Else servos are
        asked one by one: those that answer in turn wait for the ones before them, and a dead one
        silences all behind it. For the same reason, servos that were silent the last time come
        last in the question. They are not asked again: dead servos must not cost the others
        their time.

        Args:
            servo_ids: who should answer.
            question: makes the bytes that ask some servos.
            accept: tells whose answer a frame is and what it says, or None if it is no answer.
            answer_size: bytes of one answer on the wire.

        Returns:
            Answers by servo id, in the order of `servo_ids`, of those that came.
        """
        if not servo_ids:
            return {}
        ordered = sorted(servo_ids, key=lambda servo_id: servo_id in self._silent)
        self.counters.reads += len(ordered)
        answers = self._ask_once(ordered, question, accept, answer_size)
        awake = [servo_id for servo_id in ordered if servo_id not in self._silent]
        if not answers and len(awake) > 1:
            self.counters.retries += 1
            answers = self._ask_once(ordered, question, accept, answer_size)
        for servo_id in awake:
            if servo_id not in answers:
                self.counters.retries += 1
                answers |= self._ask_once([servo_id], question, accept, answer_size)
        self._note_silent(servo_ids, answers)
        return {servo_id: answers[servo_id] for servo_id in servo_ids if servo_id in answers}

    def _ask_once(
        self,
        servo_ids: Sequence[int],
        question: Callable[[Sequence[int]], bytes],
        accept: Callable[[Frame], tuple[int, bytes] | None],
        answer_size: int,
    ) -> dict[int, bytes]:
        asked = question(servo_ids)
        self._parser.flush()
        # what an adapter's echo would look like, should it be one that was not said to have any:
        # a Feetech servo's answer can look like the question
        own_frames = self._parser.feed(asked)
        self.port.drop_input()
        self.port.write(asked)
        missing = set(servo_ids)
        answers: dict[int, bytes] = {}
        in_damage = False
        deadline = self._deadline(self.port.sent_by_s, len(missing) * answer_size)
        while missing:
            data = self.port.read(deadline)
            for what in self._parser.feed(data) if data else self._parser.flush():
                if isinstance(what, Damage):
                    # damage in pieces is one damaged answer
                    self.counters.corrupt += not in_damage
                    in_damage = True
                    continue
                in_damage = False
                answer = None if what in own_frames else accept(what)
                if answer is not None and answer[0] in missing:
                    missing.discard(answer[0])
                    answers[answer[0]] = answer[1]
                    later = self._deadline(time.perf_counter(), len(missing) * answer_size)
                    deadline = max(deadline, later)
            if not data:
                break
        return answers

    def _deadline(self, start_s: float, size: int) -> float:
        return start_s + self.port.wire_time_s(size) + self._patience_s

    def _note_silent(self, servo_ids: Sequence[int], answers: dict[int, bytes]) -> None:
        for servo_id in servo_ids:
            if servo_id in answers:
                self._silent.discard(servo_id)
                continue
            self._silent.add(servo_id)
            self.counters.lost += 1
            by_servo = self.counters.lost_by_servo
            by_servo[servo_id] = by_servo.get(servo_id, 0) + 1
