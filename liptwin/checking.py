"""Checking a trajectory in the twin, for every command that must know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liptwin.errors import CommandError

if TYPE_CHECKING:
    from envs.speech.audio import Audio
    from sim import FaceTwin
    from sim2real.trajectory import Trajectory
    from sim2real.validation import Check, Limits, Report


def checked(trajectory: Trajectory, sound: Audio | None, twin: FaceTwin, limits: Limits) -> Report:
    """All checks of a trajectory, with that of the lag if there is a sound.

    Raises:
        CommandError: the simulation diverged.
    """
    from liptwin.progress import tracked
    from sim2real.validation import validate as check_all

    try:
        report = check_all(trajectory, twin, limits, tracked)
    except FloatingPointError as error:
        raise CommandError(f"{error}; try --skin condensed", exit_status=1) from error
    return with_lag(report, sound)


def with_lag(report: Report, sound: Audio | None) -> Report:
    """A report with the check of the audio-lip lag added, if there is a sound."""
    return report if sound is None else report.with_check(_lag(report, sound))


def _lag(report: Report, sound: Audio) -> Check:
    """How late the opening of the lips is behind the loudness of the sound."""
    from envs.speech import frame_times
    from envs.speech.loudness import loudness
    from envs.speech.synchrony import ACCEPTABLE_MS, synchrony
    from sim2real.validation import check_lag

    rate_hz = 50.0
    loud = loudness(sound, rate_hz)
    played = report.playback
    found = synchrony(
        played.look_times_s, played.aperture_mm, frame_times(len(loud), rate_hz), loud
    )
    if found is None:
        return check_lag(None, ACCEPTABLE_MS, "too short, or the mouth or the sound never changes")
    if found.lag_ms is None:
        return check_lag(None, ACCEPTABLE_MS, "opening does not follow loudness")
    note = f"lips {'late' if found.lag_ms > 0 else 'early'}: {found.verdict} (BT.1359)"
    return check_lag(found.lag_ms, ACCEPTABLE_MS, note if found.lag_ms else "lips in time")
