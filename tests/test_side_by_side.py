"""Tasks in processes of their own: what they tell, and how they end."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
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


def test_an_interruption_is_no_matter_to_a_process_without_a_task(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    command = [sys.executable, str(program), str(tmp_path / "over")]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        deadline = time.monotonic() + 60.0
        while not (tmp_path / "over").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)  # the first process has nothing to do any more
        os.killpg(running.pid, signal.SIGINT)
        _, told = running.communicate(timeout=60.0)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
    assert told == "interrupted\n"


PROGRAM = """
import itertools
import signal
import sys
import time
from functools import partial
from pathlib import Path

from envs.progress import untracked
from policies.training.side_by_side import side_by_side


def over(path, progress):
    path.touch()


def endless(progress):
    for _ in progress(itertools.count(), 1, "steps"):
        time.sleep(0.01)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        side_by_side([partial(over, Path(sys.argv[1])), endless], 2, untracked)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
"""
