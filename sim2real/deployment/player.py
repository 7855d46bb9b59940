"""A deployment from the first question to torque off: connect, soft start, play, return."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from sim.dof import N_DOF
from sim2real.buses.bus import BusError
from sim2real.deployment.clock import ClockError, MediaClock
from sim2real.deployment.face import ServoFace
from sim2real.deployment.pacing import Beat, Timer, beats, undisturbed
from sim2real.deployment.recording import Recording
from sim2real.deployment.retreat import Retreat, not_arrived, retreat, soft_steps
from sim2real.deployment.sources import CommandSource
from sim2real.deployment.stopping import StopRequest
from sim2real.deployment.stream import StreamError
from sim2real.deployment.supervision import DeploymentError, Follower, HealthCheck, Reading

Floats = NDArray[np.float64]

OUTSIDE_RAD = math.radians(20.0)
"""A shaft found farther than this outside its range belongs to another calibration."""

TORQUE_ON_TRIES = 3
"""How often servos are told to hold: a frame can be lost, and none of them answers it."""

LATE_SHARE = 0.1
"""Of a period: a beat later than this comes from questions that took too long."""

UNASKED_AT_MOST = 3
"""Late periods in a row in which no servo is asked anything."""


class Phase(StrEnum):
    """Where a deployment is."""

    CONNECTING = "connecting"
    SOFT_START = "soft start"
    PLAYING = "playing"
    RETURNING = "returning to rest"


@dataclass
class Outcome:
    """How a deployment ended.

    Attributes:
        phase: the one in which it was stopped; RETURNING if everything was played.
        problems: what went wrong, in order; empty if nothing did.
        stopped_by: the signal that it was stopped by; empty if none.
        retreat: how the servos were left.
        notes: what else is worth knowing.
        recording: frames, readings and statistics.
    """

    recording: Recording
    phase: Phase = Phase.CONNECTING
    problems: list[str] = field(default_factory=list)
    stopped_by: str = ""
    retreat: Retreat = field(default_factory=Retreat)
    notes: list[str] = field(default_factory=list)

    @property
    def succeeded(self) -> bool:
        """Whether everything was played, and the servos are at rest without torque."""
        clean = not (self.problems or self.stopped_by or self.retreat.problems)
        return clean and self.phase is Phase.RETURNING and self.retreat.torque_off


class _Stopped(Exception):  # noqa: N818 - not an error
    """A stop was asked for."""


class Player:
    """Plays commands on a face, and brings it to rest whatever happens.

    Args:
        face: connected servos.
        rate_hz: control rate.
        stop: looked at once a period.
        timer: where time comes from.
        heartbeat: called at least once a period, to tell a watchdog that the loop lives.
        on_phase: told each phase as it begins.
    """

    def __init__(
        self,
        face: ServoFace,
        rate_hz: float,
        stop: StopRequest,
        timer: Timer | None = None,
        heartbeat: Callable[[], None] = lambda: None,
        on_phase: Callable[[Phase], None] = lambda _: None,
    ) -> None:
        self._face = face
        self._rate_hz = rate_hz
        self._period_s = 1.0 / rate_hz
        self._stop = stop
        self._timer = timer or Timer()
        self._heartbeat = heartbeat
        self._on_phase = on_phase
        self._follower = Follower(face)
        self._health = HealthCheck(face)
        self._sent: Floats | None = None
        self._asked_health = False
        self._unasked = 0

    def run(self, source: CommandSource, clock: MediaClock) -> Outcome:
        """Play to the end, to a stop, or to whatever fails; then rest and torque off.

        What the servos, the port, the stream or the clock do wrong stands in the outcome.
        Anything else is raised again, after the servos are at rest.
        """
        outcome = Outcome(Recording(self._period_s, self._face.bus.counters))
        try:
            with undisturbed():
                self._go(outcome, source, clock)
        except _Stopped:
            outcome.stopped_by = self._stop.reason
        except (BusError, ClockError, DeploymentError, StreamError) as error:
            outcome.problems.append(str(error))
        finally:
            try:
                clock.stop()
                outcome.notes += [*source.notes(), *clock.notes()]
                self._on_phase(Phase.RETURNING)
            finally:  # whatever failed above, the servos come first
                outcome.retreat = retreat(
                    self._face, self._sent, self._rate_hz, self._timer, self._beat_and_see_hurry
                )
        if outcome.succeeded:
            self._look_back(outcome)
        return outcome

    def _look_back(self, outcome: Outcome) -> None:
        """See whether the servos are still well: what broke on the way to rest is told too."""
        try:
            for dof in range(N_DOF):
                self._heartbeat()
                self._health.check_all(dof)
        except (BusError, DeploymentError) as error:
            outcome.problems.append(str(error))

    def _beat_and_see_hurry(self) -> bool:
        self._heartbeat()
        return self._stop.urgent

    def _go(self, outcome: Outcome, source: CommandSource, clock: MediaClock) -> None:
        self._enter(outcome, Phase.CONNECTING)
        start = self._connect(outcome)
        self._enter(outcome, Phase.SOFT_START)
        self._soft_start(start, self._face.clamp(source.first()))
        self._enter(outcome, Phase.PLAYING)
        clock.start()
        self._play(outcome.recording, source, clock)
        outcome.phase = Phase.RETURNING

    def _enter(self, outcome: Outcome, phase: Phase) -> None:
        outcome.phase = phase
        self._on_phase(phase)

    # -- connecting

    def _connect(self, outcome: Outcome) -> Floats:
        """Find every servo, see whether it is well, and where it stands (commands, (10,))."""
        face = self._face
        silent = face.silent(self._look_up)
        if silent:
            names = ", ".join(face.name(dof) for dof in silent)
            raise DeploymentError(
                f"no answer from {names}; check the supply, the cables, the ids and the speed of "
                "the bus"
            )
        for dof in range(N_DOF):
            self._look_up()
            self._health.check_all(dof)
        if not face.bus.profile.reads_position:
            outcome.notes.append(
                f"{face.bus.profile.name} cannot tell where its servos are: they are taken to be "
                "at rest, and jump there if they are not"
            )
            return face.rest.copy()
        return self._where()

    def _where(self) -> Floats:
        """Where every servo stands, as commands.

        Raises:
            DeploymentError: one does not say, or stands where it cannot stand.
        """
        face = self._face
        found = face.find(self._look_up)
        missing = [face.name(dof) for dof in range(N_DOF) if dof not in found]
        if missing:
            raise DeploymentError(f"{', '.join(missing)} did not say where they are; check cables")
        commands = np.array([found[dof] for dof in range(N_DOF)])
        outside_rad = np.maximum(commands - 1.0, -commands) * face.travel_rad
        worst = int(np.argmax(outside_rad))
        if outside_rad[worst] > OUTSIDE_RAD:
            raise DeploymentError(
                f"{face.name(worst)} stands {math.degrees(outside_rad[worst]):.0f} degrees outside "
                "its range; bring it in by hand, or calibrate (`liptwin calibrate`)"
            )
        return commands

    # -- moving

    def _soft_start(self, start: Floats, end: Floats) -> None:
        """Torque on where the servos are, then slowly to the first command."""
        self._sent = start
        if self._face.bus.profile.reads_position:
            self._switch_on()
        pulse = beats(self._rate_hz, self._timer)
        for commands in soft_steps(self._face, start, end, self._rate_hz):
            beat = next(pulse)
            self._look_up()
            self._face.approach(commands, self._period_s)
            self._sent = commands
            self._supervise(commands, beat)
        away = not_arrived(self._face, end, self._look_up)
        if away:
            raise DeploymentError(
                f"after the soft start, {'; '.join(away)}; look for a jammed linkage, a slipped "
                "horn or a wrong calibration"
            )

    def _switch_on(self) -> None:
        """Torque on; nobody answers that, so it is said again to those that do not have it.

        Raises:
            DeploymentError: a servo does not take it.
        """
        limp: list[int] = []
        for _ in range(TORQUE_ON_TRIES):
            self._look_up()
            self._face.hold()
            limp = self._face.limp()
            if not limp:
                return
        names = ", ".join(self._face.name(dof) for dof in limp)
        raise DeploymentError(f"{names} did not take torque; check cables and supply")

    def _play(self, recording: Recording, source: CommandSource, clock: MediaClock) -> None:
        assert self._sent is not None
        face = self._face
        previous_s = self._timer.now() - self._period_s
        for beat in beats(self._rate_hz, self._timer):
            self._look_up()
            media_s = clock.time_s()
            if source.ended(media_s):
                return
            wanted = source.at(media_s)
            commands = face.admit(wanted, self._sent, beat.woke_s - previous_s)
            recording.limited += int(np.any(np.abs(commands - wanted) > 1e-9))
            face.send(commands, self._period_s)
            self._sent, previous_s = commands, beat.woke_s
            recording.add_frame(beat, media_s, clock.time_s(), commands)
            readings = self._supervise(commands, beat)
            recording.add_readings(self._timer.now(), readings)

    def _supervise(self, commands: Floats, beat: Beat) -> list[Reading]:
        """Ask where servos are, and now and then how one is.

        On a slow bus it is one or the other, so that no period takes longer than the rest; and
        never health twice in a row, which would leave no time for positions when every question
        takes long because nobody answers. In a period that began late commands come first: nothing
        is asked, but not for long.
        """
        is_late = beat.lateness_s > LATE_SHARE * self._period_s
        if is_late and self._unasked < UNASKED_AT_MOST:
            self._unasked += 1
            return []
        self._unasked = 0
        if self._face.bus.profile.reads_all_at_once:
            self._health.look(beat.woke_s)
            return self._follower.look(commands, beat.woke_s)
        self._asked_health = not self._asked_health and self._health.look(beat.woke_s)
        return [] if self._asked_health else self._follower.look(commands, beat.woke_s)

    def _look_up(self) -> None:
        """Once a period: tell the watchdog, and hear whether to stop."""
        self._heartbeat()
        if self._stop.requested:
            raise _Stopped
