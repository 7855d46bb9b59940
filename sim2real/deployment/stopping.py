"""Being asked to stop: Ctrl-C and its relatives, heard without cutting a packet in half."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@dataclass
class StopRequest:
    """How often, and by what, a program that moves servos was asked to stop.

    An exception out of a signal handler could come in the middle of a packet on the wire, and is
    lost where Python ignores exceptions, as in finalisers. So the handler only counts, and the
    loop looks once a period.
    """

    count: int = 0
    reason: str = ""

    @property
    def requested(self) -> bool:
        """Stop softly."""
        return self.count > 0

    @property
    def urgent(self) -> bool:
        """Stop now; asked twice."""
        return self.count > 1

    def ask(self, reason: str) -> None:
        """Ask to stop, once more."""
        self.count += 1
        self.reason = self.reason or reason

    @contextmanager
    def heeding_signals(self) -> Iterator[None]:
        """Take SIGINT, SIGTERM and SIGHUP as requests; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def heed(number: int, _frame: FrameType | None) -> None:
            self.ask(signal.Signals(number).name)

        known = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
        before = {number: signal.signal(number, heed) for number in known}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
