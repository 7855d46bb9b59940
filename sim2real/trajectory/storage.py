"""Trajectory files of either form, told apart by their names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from sim2real.trajectory.csv_file import read_trajectory_csv, write_trajectory_csv
from sim2real.trajectory.errors import TrajectoryError
from sim2real.trajectory.npz_file import read_trajectory_npz, write_trajectory_npz
from sim2real.trajectory.trajectory import Trajectory

SUFFIXES: Final = (".csv", ".npz")
"""Ends of the names of trajectory files: text and binary."""


def read_trajectory(path: str | os.PathLike[str]) -> Trajectory:
    """Read a trajectory file, binary if its name ends in .npz, text otherwise.

    Raises:
        TrajectoryError: the file cannot be read or is not a trajectory.
    """
    if Path(path).suffix.lower() == ".npz":
        return read_trajectory_npz(path)
    return read_trajectory_csv(path)


def write_trajectory(path: str | os.PathLike[str], trajectory: Trajectory) -> None:
    """Write a trajectory file, text or binary by the end of its name.

    Raises:
        TrajectoryError: the name ends in neither of `SUFFIXES`, or the file cannot be written.
    """
    match Path(path).suffix.lower():
        case ".csv":
            write_trajectory_csv(path, trajectory)
        case ".npz":
            write_trajectory_npz(path, trajectory)
        case suffix:
            raise TrajectoryError(f"{path}: {suffix!r} is neither of {', '.join(SUFFIXES)}")
