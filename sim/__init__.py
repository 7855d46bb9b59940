"""The physics twin: mechanism, deformable skin, servos, camera and lip measurements."""

from sim.dof import DOF_NAMES, N_DOF
from sim.measurements import LipMeasurements
from sim.servo_table import ServoTable, load_servo_table
from sim.twin import FaceTwin, LipContact, TwinState

__all__ = [
    "DOF_NAMES",
    "N_DOF",
    "FaceTwin",
    "LipContact",
    "LipMeasurements",
    "ServoTable",
    "TwinState",
    "load_servo_table",
]
