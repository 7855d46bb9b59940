"""Trajectory files in binary: an .npz archive, which `numpy.load` opens without this project.

| array | type | meaning |
|---|---|---|
| `format` | text | `liptwin-trajectory 1` |
| `times_s` | float64 (n,) | times of the rows |
| `dof_names` | text (10,) | names of the columns |
| `commands` | float32 (n, 10) | commands in [0, 1] |
| `metadata` | text (k, 2) | names and values, as in the text form |

Single precision keeps commands to 6e-8 of their range, finer than the text form's 1e-6.
"""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.dof import DOF_NAMES, N_DOF
from sim2real.trajectory.errors import TrajectoryError
from sim2real.trajectory.files import read_bytes, replacing
from sim2real.trajectory.metadata import Metadata
from sim2real.trajectory.trajectory import Trajectory

FORMAT: Final = "liptwin-trajectory 1"

MAX_BYTES: Final = 1 << 30
"""Most that an archive may unpack to; more is damage, or meant to harm."""

_ARRAYS: Final = ("format", "times_s", "dof_names", "commands", "metadata")


def write_trajectory_npz(path: str | os.PathLike[str], trajectory: Trajectory) -> None:
    """Write a binary trajectory file. It appears complete or not at all.

    Raises:
        TrajectoryError: the file cannot be written.
    """
    known = trajectory.metadata.to_text()
    with replacing(Path(path)) as partial, partial.open("wb") as stream:
        np.savez_compressed(
            stream,
            format=np.array(FORMAT),
            times_s=trajectory.times_s,
            dof_names=np.array(DOF_NAMES),
            commands=trajectory.commands.astype(np.float32),
            metadata=np.array(list(known.items()), dtype=np.str_).reshape(len(known), 2),
        )


def read_trajectory_npz(path: str | os.PathLike[str]) -> Trajectory:
    """Read a binary trajectory file. Columns are found by name.

    Raises:
        TrajectoryError: the file cannot be read or is not a trajectory; the message names the
            file and the array or row.
    """
    path = Path(path)
    arrays = _load(path, read_bytes(path))
    try:
        _check_shapes(arrays)
        names = [str(name) for name in arrays["dof_names"]]
        if sorted(names) != sorted(DOF_NAMES):
            raise TrajectoryError(
                f"dof_names: {', '.join(names)[:300]}; expected {', '.join(DOF_NAMES)}"
            )
        order = [names.index(name) for name in DOF_NAMES]
        known = {str(key): str(value) for key, value in arrays["metadata"]}
        return Trajectory(
            arrays["times_s"].astype(np.float64),
            arrays["commands"].astype(np.float64)[:, order],
            Metadata.from_text(known),
        )
    except TrajectoryError as error:
        raise TrajectoryError(f"{path}: {error}") from error


def _load(path: Path, content: bytes) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MAX_BYTES:
            raise TrajectoryError(
                f"{path}: unpacks to {unpacked} bytes, more than any trajectory has"
            )
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            missing = [name for name in _ARRAYS if name not in arrays]
            if missing:
                raise TrajectoryError(f"{path}: lacks the arrays {', '.join(missing)}")
            return {name: arrays[name] for name in _ARRAYS}
    except TrajectoryError:
        raise
    except (
        # What zipfile, zlib and numpy raise on damaged archives.
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        KeyError,
        MemoryError,
        NotImplementedError,
        OSError,
        RuntimeError,
        SyntaxError,
        TypeError,
        ValueError,
    ) as error:
        raise TrajectoryError(f"{path}: is not a readable .npz archive ({error})") from error


def _check_shapes(arrays: dict[str, NDArray[Any]]) -> None:
    stated = str(arrays["format"]) if arrays["format"].dtype.kind == "U" else "none"
    if stated != FORMAT:
        raise TrajectoryError(f"format: {stated[:60]!r}; this program reads {FORMAT!r}")
    times, commands = arrays["times_s"], arrays["commands"]
    for name, array, dimensions, kind in (
        ("times_s", times, 1, "f"),
        ("commands", commands, 2, "f"),
        ("dof_names", arrays["dof_names"], 1, "U"),
        ("metadata", arrays["metadata"], 2, "U"),
    ):
        if array.ndim != dimensions or array.dtype.kind != kind:
            raise TrajectoryError(
                f"{name}: has {array.ndim} dimensions of type {array.dtype}; "
                "the file was not written by this program"
            )
    if commands.shape != (len(times), N_DOF):
        raise TrajectoryError(
            f"commands: shape {commands.shape} does not go with {len(times)} times"
        )
    if arrays["metadata"].shape[1] != 2:
        raise TrajectoryError(f"metadata: shape {arrays['metadata'].shape} is not (k, 2)")
