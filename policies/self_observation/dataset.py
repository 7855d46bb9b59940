"""Self-observation on disk: a folder of NumPy archives and a description.

    FOLDER/dataset.json          version, recipe, seed, face model, and what the arrays are
    FOLDER/shard-00000.npz       one motion: the arrays of `Observation`
    FOLDER/shard-00001.npz       ...

`numpy.load` opens a shard, and so does whatever reads .npz or unzips. Shards are written beside
and renamed, so a folder holds whole shards only, and an interrupted recording goes on where it
was.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from envs.progress import Progress, untracked
from policies.babble import face_model_hash
from policies.self_observation.recording import Observation, Recipe, Recorder

FORMAT: Final = "liptwin self-observation"
VERSION: Final = 1
DESCRIPTION: Final = "dataset.json"
_ARRAYS: Final = tuple(field.name for field in fields(Observation))


class DatasetError(ValueError):
    """A folder that holds no usable recording; the message says what is wrong and what to do."""


@dataclass(frozen=True)
class SelfObservation:
    """A recording on disk.

    Attributes:
        folder: where it is.
        recipe: how it was recorded.
        seed: of its chance.
        shards: its shards that are there, in order.
    """

    folder: Path
    recipe: Recipe
    seed: int
    shards: tuple[Path, ...]

    @classmethod
    def open(cls, folder: Path) -> SelfObservation:
        """A recording that is there.

        Raises:
            DatasetError: there is none, it is of another version, or it has no shards.
        """
        description = _read_description(folder)
        shards = tuple(sorted(folder.glob("shard-*.npz")))
        if not shards:
            raise DatasetError(f"{folder}: has no shards; record some with `liptwin babble`")
        return cls(folder, Recipe(**description["recipe"]), int(description["seed"]), shards)

    def __iter__(self) -> Iterator[Observation]:
        return (read_shard(path) for path in self.shards)


def record(
    folder: Path,
    n_shards: int,
    seed: int = 0,
    recipe: Recipe | None = None,
    workers: int = 1,
    progress: Progress = untracked,
) -> SelfObservation:
    """Record the shards 0 to n_shards - 1 that are not there yet.

    Raises:
        DatasetError: the folder holds a recording of another recipe, seed or face model, or cannot
            be written.
    """
    recipe = recipe or Recipe()
    description = _describe(recipe, seed)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / DESCRIPTION).exists():
            _check_same(folder, _read_description(folder), description)
        else:
            write_whole(folder / DESCRIPTION, json.dumps(description, indent=2).encode())
        missing = [k for k in range(n_shards) if not _is_whole(shard_path(folder, k))]
        jobs = [(folder, recipe, seed, missing[start::workers]) for start in range(workers)]
        done = _recorded(jobs, workers)
        for _ in progress(done, len(missing), "babbling"):
            pass
    except OSError as error:
        raise DatasetError(
            f"{folder}: cannot be written ({error.strerror}); check its rights and the space left"
        ) from error
    return SelfObservation.open(folder)


def shard_path(folder: Path, index: int) -> Path:
    """Where a shard is kept."""
    return folder / f"shard-{index:05d}.npz"


def read_shard(path: Path) -> Observation:
    """One shard.

    Raises:
        DatasetError: the file is damaged.
    """
    try:
        with np.load(path) as archive:
            return Observation(**{name: archive[name] for name in _ARRAYS})
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{path}: is damaged ({error}); delete it and record it again") from (
            error
        )


def write_shard(path: Path, observation: Observation) -> None:
    """Write a shard, whole or not at all."""
    write_archive(path, {name: getattr(observation, name) for name in _ARRAYS})


def write_archive(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a compressed NumPy archive, whole or not at all."""
    partial = path.with_name(f".{path.stem}.{os.getpid()}.part.npz")
    try:
        np.savez_compressed(partial, **arrays)  # type: ignore[arg-type]
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _recorded(jobs: list[tuple[Path, Recipe, int, list[int]]], workers: int) -> Iterator[int]:
    """Indices of shards as they are done."""
    if workers == 1:
        yield from _record_some(*jobs[0])
        return
    # A drawing context does not survive a fork.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        singles = [(f, r, s, k) for f, r, s, some in jobs for k in some]
        yield from pool.map(_record_one, singles)


_recorders: dict[Recipe, Recorder] = {}
"""This process's recorder, which costs seconds to make."""


def _record_one(job: tuple[Path, Recipe, int, int]) -> int:
    folder, recipe, seed, index = job
    if recipe not in _recorders:
        _recorders[recipe] = Recorder(recipe)
    write_shard(shard_path(folder, index), _recorders[recipe].shard(seed, index))
    return index


def _record_some(folder: Path, recipe: Recipe, seed: int, indices: list[int]) -> Iterator[int]:
    for index in indices:
        yield _record_one((folder, recipe, seed, index))


def _is_whole(path: Path) -> bool:
    return path.exists() and zipfile.is_zipfile(path)


def _describe(recipe: Recipe, seed: int) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "seed": seed,
        "recipe": recipe.describe(),
        "face_model": face_model_hash(),
        "arrays": {
            "commands": "(n, 10) float32 in [0, 1], columns as in sim.dof.DOF_NAMES",
            "joints": "(n, 10) float32, rad for hinges and m for slides",
            "landmarks_mm": "(n, 40, 3) float32, order of sim.landmarks.LIP_LANDMARKS",
            "folded": "(n,) bool, frames with folded skin, which are not seen",
            "crop_frames": "(m,) int32, frames that were seen",
            "crops": "(m, 128, 128, 3) uint8 RGB",
        },
    }


def _read_description(folder: Path) -> dict[str, Any]:
    path = folder / DESCRIPTION
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DatasetError(
            f"{folder}: holds no recording ({DESCRIPTION} is missing); make one with "
            "`liptwin babble`"
        ) from error
    except ValueError as error:
        raise DatasetError(f"{path}: is not JSON ({error}); record into another folder") from error
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise DatasetError(f"{path}: describes something else than a {FORMAT}")
    if description.get("version") != VERSION:
        raise DatasetError(
            f"{path}: is version {description.get('version')}, this program reads {VERSION}; "
            "record again into another folder"
        )
    return description


def _check_same(folder: Path, there: dict[str, Any], wanted: dict[str, Any]) -> None:
    for key in ("seed", "recipe", "face_model"):
        if there.get(key) != wanted[key]:
            raise DatasetError(
                f"{folder}: holds a recording with another {key} ({there.get(key)}, not "
                f"{wanted[key]}); record into another folder"
            )


def write_whole(path: Path, content: bytes) -> None:
    """Write a small file, whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
