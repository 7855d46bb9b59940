"""Trajectories for ROS 2: YAML of a `trajectory_msgs/msg/JointTrajectory`.

Fields and their meaning: `JointTrajectory.msg` and `JointTrajectoryPoint.msg` of ROS 2's
common_interfaces. Per point positions and velocities in the order of `joint_names`, and the time
from the start of the trajectory as seconds and nanoseconds.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from numpy.typing import NDArray

from sim.servo_table import ServoTable
from sim2real.trajectory.files import replacing
from sim2real.trajectory.trajectory import Trajectory

Floats = NDArray[np.float64]

_NANOSECONDS: Final = 1_000_000_000
_DECIMALS: Final = 9
"""A nanometre, or a nanoradian."""


def joint_trajectory(trajectory: Trajectory, table: ServoTable) -> dict[str, Any]:
    """The message as nested dictionaries and lists.

    Positions are those of the joints, rad or m. Velocities are central differences of them, zero at
    the first and the last point: ROS 2's joint trajectory controller refuses a trajectory that ends
    in motion, and takes positions with velocities for a cubic spline.
    """
    positions = table.joint_from_command(trajectory.commands)
    velocities = _velocities(trajectory.times_s, positions)
    return {
        "header": {"stamp": {"sec": 0, "nanosec": 0}, "frame_id": ""},
        "joint_names": [row.joint for row in table.servos],
        "points": [
            {
                "positions": _numbers(position),
                "velocities": _numbers(velocity),
                "accelerations": [],
                "effort": [],
                "time_from_start": _duration(float(time_s)),
            }
            for time_s, position, velocity in zip(
                trajectory.times_s, positions, velocities, strict=True
            )
        ],
    }


def write_joint_trajectory_yaml(
    path: str | os.PathLike[str], trajectory: Trajectory, table: ServoTable
) -> None:
    """Write the message, as `ros2 topic pub` takes it. It appears complete or not at all.

    Raises:
        TrajectoryError: the file cannot be written.
    """
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text = yaml.dump(
        joint_trajectory(trajectory, table),
        Dumper=dumper,
        default_flow_style=None,
        sort_keys=False,
        width=1000,
    )
    with replacing(Path(path)) as partial:
        partial.write_text(text, encoding="utf-8")


def _velocities(times_s: Floats, positions: Floats) -> Floats:
    """(n, 10) rad/s or m/s."""
    velocities = np.zeros_like(positions)
    if len(times_s) > 2:
        velocities[1:-1] = np.gradient(positions, times_s, axis=0)[1:-1]
    return velocities


def _numbers(values: Floats) -> list[float]:
    return [float(value) for value in np.round(values, _DECIMALS) + 0.0]


def _duration(time_s: float) -> dict[str, int]:
    seconds, nanoseconds = divmod(round(time_s * _NANOSECONDS), _NANOSECONDS)
    return {"sec": seconds, "nanosec": nanoseconds}
