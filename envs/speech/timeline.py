"""Phone timelines as CSV: `start_s,end_s,ipa`, one phone a line."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

from envs.speech.synthesis import SILENCE, Phone
from envs.speech.tables import Table, TableError

PHONE_COLUMNS = ("start_s", "end_s", "ipa")

_OVERLAP_TOLERANCE_S = 2e-6
"""Files hold times to a microsecond; what overlaps by less does not overlap."""


def read_phones_csv(path: str | os.PathLike[str]) -> tuple[Phone, ...]:
    """Read a phone timeline; `_` is a pause, and so is any gap between two phones.

    Raises:
        TableError: the file cannot be read or is not a timeline; the message names the line and
            the column.
    """
    phones: list[Phone] = []
    for row in Table(path, PHONE_COLUMNS).rows():
        start_s, end_s = row.number("start_s"), row.number("end_s")
        ipa = row.cells["ipa"]
        previous_s = phones[-1].end_s if phones else 0.0
        if start_s < previous_s - _OVERLAP_TOLERANCE_S:
            raise row.error("start_s", f"{start_s} is before {previous_s}; phones must not overlap")
        start_s = max(start_s, previous_s)
        if not end_s > start_s:
            raise row.error("end_s", f"{end_s} does not come after start_s {start_s}")
        if not ipa:
            raise row.error("ipa", f"is empty; write {SILENCE} for a pause")
        phones.append(Phone(ipa, start_s, end_s))
    return tuple(phones)


def write_phones_csv(path: str | os.PathLike[str], phones: Sequence[Phone]) -> None:
    """Write a phone timeline. The file appears complete or not at all.

    Raises:
        TableError: the file cannot be written.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(PHONE_COLUMNS)
            writer.writerows([f"{p.start_s:.6f}", f"{p.end_s:.6f}", p.ipa] for p in phones)
        partial.replace(path)
    except OSError as error:
        raise TableError(
            f"{path}: cannot be written ({error.strerror}); "
            "check that the folder exists and is writable"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
