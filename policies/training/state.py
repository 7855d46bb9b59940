"""Where a training is: what it needs to go on after an epoch, in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch


def save_state(path: Path, epochs: int, *parts: Any) -> None:
    """Write how many epochs are done, and the states of networks, optimisers and schedules. The
    file appears whole or not at all."""
    partial = path.with_name(f".{path.name}.part")
    torch.save({"epochs": epochs, "parts": [part.state_dict() for part in parts]}, partial)
    partial.replace(path)


def epochs_done(path: Path) -> int:
    """Epochs that were done before; 0 without a file."""
    return int(torch.load(path, weights_only=True)["epochs"]) if path.exists() else 0


def resume(path: Path, *parts: Any) -> int:
    """Epochs that were done before, with the parts as they were then; 0 without a file."""
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    for part, values in zip(parts, state["parts"], strict=True):
        part.load_state_dict(values)
    return int(state["epochs"])
