"""Layers in NumPy, for networks that run frame by frame.

In networks as small as these PyTorch spends its time on calling operations, not on computing them.
Weights have the names that PyTorch gives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from torch import nn

Floats = NDArray[np.float32]
Weights = Mapping[str, Floats]

EPSILON: Final = np.float32(1e-5)
"""PyTorch's, in `LayerNorm` and `BatchNorm1d`."""


def weights_of(network: nn.Module) -> Weights:
    """All parameters and buffers; what is changed in them afterwards is not seen."""
    return {name: value.numpy().copy() for name, value in network.state_dict().items()}


class Linear:
    """Args: weight (outputs, inputs), bias (outputs,)."""

    def __init__(self, weight: Floats, bias: Floats) -> None:
        self._matrix, self._bias = np.ascontiguousarray(weight.T), bias

    def __call__(self, x: Floats) -> Floats:
        y: Floats = x @ self._matrix + self._bias
        return y


def linear(weights: Weights, name: str) -> Linear:
    """The `torch.nn.Linear` of that name."""
    return Linear(weights[f"{name}.weight"], weights[f"{name}.bias"])
