"""Identification: servo parameters from logs of deployments; how far hardware and twin differ."""

from sim2real.identification.errors import IdentificationError
from sim2real.identification.excitation import excitation
from sim2real.identification.gap import Gap, GapFigures, gap_of
from sim2real.identification.log import DeploymentLog, Readings, read_log
from sim2real.identification.parameters import QUANTITIES, Quantity, with_values
from sim2real.identification.table_file import write_servo_table

__all__ = [
    "QUANTITIES",
    "DeploymentLog",
    "Gap",
    "GapFigures",
    "IdentificationError",
    "Quantity",
    "Readings",
    "excitation",
    "gap_of",
    "read_log",
    "with_values",
    "write_servo_table",
]
