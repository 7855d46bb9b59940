"""Tasks in processes of their own: what they tell, and how they end."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

pytest.importorskip("torch", reason="needs torch: pip install 'liptwin[learn]'")

from envs.progress import Progress, untracked
from policies.training.side_by_side import side_by_side

T = TypeVar("T")


def write_in_steps(path: Path, steps: int, progress: Progress) -> None:
    for step in progress(range(steps), steps, path.name):
        path.write_text(str(step), encoding="utf-8")


def endless_unless_damaged(path: Path, progress: Progress) -> None:
    if path.exists():
        float(path.read_text(encoding="utf-8"))
    for _ in progress(itertools.count(), 10, "steps"):
        time.sleep(0.01)


def inside(tasks: list[partial[None]], progress: Progress) -> None:
    side_by_side(tasks, 2, progress)


def test_each_task_is_followed_by_its_own_name(tmp_path: Path) -> None:
    told: dict[str, int] = {}
    ended: list[str] = []

    def progress(items: Iterable[T], total: int, description: str) -> Iterator[T]:
        told[description] = 0
        for item in items:
            yield item
            told[description] += 1
        assert told[description] == total
        ended.append(description)

    tasks = [partial(write_in_steps, tmp_path / name, n) for name, n in (("a", 3), ("b", 5))]
    side_by_side(
        [*tasks, partial(inside, [partial(write_in_steps, tmp_path / "c", 2)])], 2, progress
    )
    assert sorted(ended) == ["a", "b", "c"]
    assert [(tmp_path / name).read_text(encoding="utf-8") for name in "abc"] == ["2", "4", "1"]


def test_a_task_that_fails_ends_all(tmp_path: Path) -> None:
    paths = [tmp_path / "damaged", tmp_path / "endless"]
    paths[0].write_text("not a number", encoding="utf-8")
    with pytest.raises(ValueError, match="not a number"):
        side_by_side([partial(endless_unless_damaged, path) for path in paths], 2, untracked)


def test_whoever_stops_following_ends_all(tmp_path: Path) -> None:
    def progress(items: Iterable[T], total: int, description: str) -> Iterator[T]:
        yield from itertools.islice(items, 3)
        raise KeyboardInterrupt

    tasks = [partial(endless_unless_damaged, tmp_path / name) for name in ("a", "b")]
    with pytest.raises(KeyboardInterrupt):
        side_by_side([partial(inside, tasks)], 1, progress)
