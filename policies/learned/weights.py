"""Weights on disk: safetensors, which hold numbers and nothing that could run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


class WeightsError(ValueError):
    """A file that holds no weights for a network; the message says what is wrong."""


def save_weights(path: Path, network: nn.Module) -> None:
    """Write all parameters and buffers. The file appears whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        save_file({k: v.contiguous() for k, v in network.state_dict().items()}, partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def load_weights(path: Path, network: Network) -> Network:
    """Fill a network, and give it back ready for use.

    Raises:
        WeightsError: the file is missing, damaged, or belongs to another network.
    """
    try:
        network.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        # PyTorch names every array that does not fit, a line for each.
        reason = "another network's" if isinstance(error, RuntimeError) else error
        raise WeightsError(
            f"{path}: holds no weights of {type(network).__name__} ({reason}); train them again"
        ) from error
    return network.eval()
