"""What validation found: one verdict per check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sim.dof import DOF_NAMES, N_DOF
from sim2real.validation.playback import Playback

Floats = NDArray[np.float64]
Verdict = Literal["pass", "fail", "not checked"]


@dataclass(frozen=True, eq=False)
class Trace:
    """How much of its limit a check used over time.

    Attributes:
        times_s: (k,) moments.
        shares: (k, 10) of each degree of freedom, or (k, 1) of the face as a whole; 1 is the limit.
    """

    times_s: Floats
    shares: Floats


@dataclass(frozen=True, eq=False)
class Check:
    """One verdict.

    Attributes:
        name: what was checked.
        verdict: whether the limit was kept.
        value: the worst value, in `unit`; None where it was not checked.
        limit: its limit; None where there is none.
        unit: of value and limit.
        dof: the degree of freedom of the worst value, where it has one.
        time_s: its moment in the trajectory.
        note: what else there is to know.
        trace: the share over time.
    """

    name: str
    verdict: Verdict
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    dof: str | None = None
    time_s: float | None = None
    note: str = ""
    trace: Trace | None = None

    @property
    def shares(self) -> Floats | None:
        """(10,) worst share of its limit of each degree of freedom, where each has one."""
        if self.trace is None or self.trace.shares.shape[1] < N_DOF:
            return None
        worst_shares: Floats = self.trace.shares.max(axis=0)
        return worst_shares

    def to_json(self) -> dict[str, Any]:
        """As plain values, without the trace."""
        shares = None
        if self.shares is not None:
            shares = {
                name: round(float(s), 4) for name, s in zip(DOF_NAMES, self.shares, strict=True)
            }
        return {
            "name": self.name,
            "verdict": self.verdict,
            "value": _rounded(self.value),
            "limit": _rounded(self.limit),
            "unit": self.unit,
            "dof": self.dof,
            "time_s": _rounded(self.time_s),
            "note": self.note,
            "share_of_limit": shares,
        }


@dataclass(frozen=True, eq=False)
class Report:
    """All verdicts on a trajectory, and the playback that they come from."""

    checks: tuple[Check, ...]
    playback: Playback

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failures

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.verdict == "fail")

    def check(self, name: str) -> Check:
        """The check of a name.

        Raises:
            KeyError: there is none.
        """
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    def with_check(self, check: Check) -> Report:
        """The report with one more check, or another in the place of the one of its name."""
        kept = [check if one.name == check.name else one for one in self.checks]
        return Report(tuple(kept if check in kept else [*kept, check]), self.playback)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {"passed": self.passed, "checks": [check.to_json() for check in self.checks]}


def worst(
    name: str,
    unit: str,
    times_s: Floats,
    values: Floats,
    limits: Floats,
    *,
    offset: float = 0.0,
    note: str = "",
) -> Check:
    """The check of values over time, each degree of freedom against its own limit.

    Args:
        name: What is checked.
        unit: Of values and limits.
        times_s: (k,) moments.
        values: (k, 10), not negative.
        limits: (10,), positive.
        offset: Added to value and limit where they are shown.
        note: What else there is to know.
    """
    shares = values / limits
    row, dof = np.unravel_index(int(shares.argmax()), shares.shape)
    return Check(
        name=name,
        verdict="pass" if shares[row, dof] <= 1.0 else "fail",
        value=float(values[row, dof]) + offset,
        limit=float(limits[dof]) + offset,
        unit=unit,
        dof=DOF_NAMES[dof],
        time_s=float(times_s[row]),
        note=note,
        trace=Trace(times_s, shares),
    )


def worst_of_face(
    name: str, unit: str, times_s: Floats, values: Floats, limit: float, *, note: str = ""
) -> Check:
    """The check of values (k,) over time of the face as a whole."""
    row = int(values.argmax())
    return Check(
        name=name,
        verdict="pass" if values[row] <= limit else "fail",
        value=float(values[row]),
        limit=limit,
        unit=unit,
        time_s=float(times_s[row]),
        note=note,
        trace=Trace(times_s, (values / limit)[:, None]),
    )


def figure_text(value: float | None) -> str:
    """A value or limit as people read it; nothing for none."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
