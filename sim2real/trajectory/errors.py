"""What goes wrong with trajectories."""

from __future__ import annotations


class TrajectoryError(ValueError):
    """A trajectory, or the file that should hold one, is not valid."""
