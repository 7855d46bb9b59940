"""Trajectories: timed servo commands, the hand-over between any source and hardware."""

from sim2real.trajectory.csv_file import DECIMALS, read_trajectory_csv, write_trajectory_csv
from sim2real.trajectory.errors import TrajectoryError
from sim2real.trajectory.foreign import ColumnMap, ColumnRule, load_column_map, read_foreign
from sim2real.trajectory.metadata import (
    FPS_RANGE,
    Metadata,
    audio_sha256,
    face_model_version,
)
from sim2real.trajectory.npz_file import read_trajectory_npz, write_trajectory_npz
from sim2real.trajectory.resampling import advance, resample
from sim2real.trajectory.ros import joint_trajectory, write_joint_trajectory_yaml
from sim2real.trajectory.storage import SUFFIXES, read_trajectory, write_trajectory
from sim2real.trajectory.trajectory import COLUMNS, MAX_TIME_S, TIME_COLUMN, Trajectory

__all__ = [
    "COLUMNS",
    "DECIMALS",
    "FPS_RANGE",
    "MAX_TIME_S",
    "SUFFIXES",
    "TIME_COLUMN",
    "ColumnMap",
    "ColumnRule",
    "Metadata",
    "Trajectory",
    "TrajectoryError",
    "advance",
    "audio_sha256",
    "face_model_version",
    "joint_trajectory",
    "load_column_map",
    "read_foreign",
    "read_trajectory",
    "read_trajectory_csv",
    "read_trajectory_npz",
    "resample",
    "write_joint_trajectory_yaml",
    "write_trajectory",
    "write_trajectory_csv",
    "write_trajectory_npz",
]
