"""Which ticks of which servo are which command."""

from sim2real.calibration.calibration import Calibration, ServoCalibration, nominal_calibration
from sim2real.calibration.files import (
    CalibrationError,
    contradictions,
    load_calibration,
    save_calibration,
)

__all__ = [
    "Calibration",
    "CalibrationError",
    "ServoCalibration",
    "contradictions",
    "load_calibration",
    "nominal_calibration",
    "save_calibration",
]
