"""What a deployment leaves behind: what was commanded, where the servos were, how the loop ran."""

from __future__ import annotations

import csv
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.dof import DOF_NAMES, N_DOF
from sim2real.buses.bus import BusCounters
from sim2real.deployment.pacing import Beat
from sim2real.deployment.supervision import Reading
from sim2real.trajectory import Trajectory, write_trajectory_csv

Floats = NDArray[np.float64]

LATE_S = 0.003
"""A frame that comes later than this counts as late: a tenth of a video frame."""

READINGS_HEADER = ("time_s", "dof", "command")


@dataclass(frozen=True)
class LoopStatistics:
    """How well a playback kept time; zeros where nothing was played.

    Attributes:
        frames: periods in which commands were sent.
        lost: periods that were left out because the one before took too long.
        late: frames more than `LATE_S` after their deadline.
        lateness_median_ms: of the frames' starts after their deadlines.
        lateness_p99_ms: 99th percentile of the same.
        lateness_max_ms: greatest of the same.
        jitter_p99_ms: 99th percentile of how far the time between two frames was off the period.
        drift_ms: greatest distance, over the playback, between the trajectory's time on the wire
            and what the media clock then said.
        clock_offset_ms: how far the media clock ran away from the machine's own clock.
        limited: frames in which a servo was asked for more than its limits or its speed, and did
            not get it.
    """

    frames: int = 0
    lost: int = 0
    late: int = 0
    lateness_median_ms: float = 0.0
    lateness_p99_ms: float = 0.0
    lateness_max_ms: float = 0.0
    jitter_p99_ms: float = 0.0
    drift_ms: float = 0.0
    clock_offset_ms: float = 0.0
    limited: int = 0


@dataclass
class Recording:
    """The frames of a playback, as they happen; seconds on the loop's clock.

    Attributes:
        period_s: of the control loop.
        counters: of the bus; read at the end.
    """

    period_s: float
    counters: BusCounters
    limited: int = 0
    lost: int = 0
    _woke_s: list[float] = field(default_factory=list)
    _lateness_s: list[float] = field(default_factory=list)
    _media_s: list[float] = field(default_factory=list)
    _drift_s: list[float] = field(default_factory=list)
    _commands: list[Floats] = field(default_factory=list)
    _readings: list[tuple[float, Reading]] = field(default_factory=list)

    def add_frame(self, beat: Beat, media_s: float, sent_media_s: float, commands: Floats) -> None:
        """One frame: its beat, the media time that its commands are of, the media time when they
        were on the wire, and the commands (10,) that were sent."""
        self._woke_s.append(beat.woke_s)
        self._lateness_s.append(beat.lateness_s)
        self._media_s.append(media_s)
        self._drift_s.append(sent_media_s - media_s)
        self._commands.append(commands.copy())
        self.lost += beat.lost

    def add_readings(self, time_s: float, readings: list[Reading]) -> None:
        """What servos answered at a time."""
        self._readings += [(time_s, reading) for reading in readings]

    def statistics(self) -> LoopStatistics:
        """The figures of what was played."""
        if not self._woke_s:
            return LoopStatistics()
        woke = np.array(self._woke_s)
        lateness_ms = 1e3 * np.array(self._lateness_s)
        periods = np.diff(woke) - self.period_s
        offset = np.array(self._media_s) - woke
        return LoopStatistics(
            frames=len(woke),
            lost=self.lost,
            late=int(np.sum(lateness_ms > 1e3 * LATE_S)),
            lateness_median_ms=float(np.median(lateness_ms)),
            lateness_p99_ms=float(np.percentile(lateness_ms, 99)),
            lateness_max_ms=float(lateness_ms.max()),
            jitter_p99_ms=float(1e3 * np.percentile(np.abs(periods), 99)) if len(periods) else 0.0,
            drift_ms=float(1e3 * np.max(np.abs(self._drift_s))),
            clock_offset_ms=float(1e3 * (offset[-1] - offset[0])),
            limited=self.limited,
        )

    def commanded(self) -> Trajectory | None:
        """What was sent, at the times it was sent, from the first frame; None if nothing was."""
        if not self._woke_s:
            return None
        return Trajectory(self._times_s(), np.clip(np.array(self._commands), 0.0, 1.0))

    def measured(self) -> Trajectory | None:
        """Where the servos were, at the times of the frames; None if none ever answered.

        Between two answers of a servo its command is interpolated linearly, before its first and
        after its last one it is held; what lies outside [0, 1] is cut off. `readings` has the
        answers as they came. A servo that never answered is at what it was told.
        """
        if not self._readings:
            return None
        times_s = self._times_s()
        commands = np.array(self._commands)
        for dof in range(N_DOF):
            found = [(t, reading.command) for t, reading in self._readings if reading.dof == dof]
            if found:
                read_s, values = np.array(found).T
                commands[:, dof] = np.interp(times_s, read_s - self._woke_s[0], values)
        return Trajectory(times_s, np.clip(commands, 0.0, 1.0))

    def readings(self) -> list[tuple[float, str, float]]:
        """Every answer: seconds since the first frame, degree of freedom, command uncut."""
        start_s = self._woke_s[0] if self._woke_s else 0.0
        return [(t - start_s, DOF_NAMES[r.dof], r.command) for t, r in self._readings]

    def save(self, path: Path) -> list[Path]:
        """Write LOG.commanded.csv, LOG.measured.csv and LOG.readings.csv beside `path`, LOG.csv;
        those of which there is something. Returns what was written.

        Raises:
            TrajectoryError: a file cannot be written.
            OSError: the readings cannot be written.
        """
        written = []
        for kind, trajectory in (("commanded", self.commanded()), ("measured", self.measured())):
            if trajectory is not None:
                written.append(path.with_suffix(f".{kind}.csv"))
                write_trajectory_csv(written[-1], trajectory)
        readings = self.readings()
        if readings:
            written.append(path.with_suffix(".readings.csv"))
            _write_readings(written[-1], readings)
        return written

    def bus_errors(self) -> dict[str, object]:
        """The bus counters by name."""
        return asdict(self.counters)

    def _times_s(self) -> Floats:
        return np.array(self._woke_s) - self._woke_s[0]


def _write_readings(path: Path, readings: list[tuple[float, str, float]]) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(READINGS_HEADER)
            writer.writerows((f"{t:.6f}", dof, f"{command:.6f}") for t, dof, command in readings)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
