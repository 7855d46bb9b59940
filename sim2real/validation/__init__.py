"""Whether a trajectory is safe for the servos and the skin, and what to do if it is not."""

from sim2real.validation.checks import check_lag
from sim2real.validation.limits import (
    Limits,
    LimitsError,
    MotionLimits,
    load_limits,
    motion_limits,
)
from sim2real.validation.playback import Playback, play
from sim2real.validation.projection import RepairError
from sim2real.validation.repairing import Change, Closures, Repair, closures_kept, repair
from sim2real.validation.report import Check, Report, Verdict
from sim2real.validation.validating import validate

__all__ = [
    "Change",
    "Check",
    "Closures",
    "Limits",
    "LimitsError",
    "MotionLimits",
    "Playback",
    "Repair",
    "RepairError",
    "Report",
    "Verdict",
    "check_lag",
    "closures_kept",
    "load_limits",
    "motion_limits",
    "play",
    "repair",
    "validate",
]
