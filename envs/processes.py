"""Processes that work for another."""

from __future__ import annotations

import os
import threading
from multiprocessing import parent_process


def end_with_the_parent() -> None:
    """From now on, end this process when its parent ends: one that is killed tells nobody, and its
    pool would wait for work for ever."""
    threading.Thread(target=_wait_and_end, daemon=True).start()


def _wait_and_end() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
