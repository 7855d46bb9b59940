"""Servo tables written to files that `sim.servo_table.load_servo_table` reads."""

from __future__ import annotations

from pathlib import Path

import yaml

from sim.servo_table import ServoTable


def write_servo_table(path: Path, table: ServoTable, remarks: list[str]) -> None:
    """Write a servo table.

    Args:
        path: Where to write.
        table: The table.
        remarks: Lines above it, without the leading #.

    Raises:
        OSError: the file cannot be written.
    """
    content = table.model_dump(mode="json")
    rows = content.pop("servos")
    with path.open("w", encoding="utf-8") as stream:
        for remark in remarks:
            stream.write(f"# {remark}".rstrip() + "\n")
        stream.write("\n")
        yaml.safe_dump(content, stream, sort_keys=False, allow_unicode=True, width=96)
        stream.write("\nservos:\n")
        for row in rows:
            line = yaml.safe_dump(row, sort_keys=False, default_flow_style=True, width=10_000)
            stream.write(f"  - {line.strip()}\n")
