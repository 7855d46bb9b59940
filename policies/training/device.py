"""Where to train, and how precisely."""

from __future__ import annotations

import torch


def best_device() -> torch.device:
    """A GPU if there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def quick_products(device: torch.device) -> torch.autocast:
    """A context in which matrices are multiplied in bfloat16, where the device can do so itself.

    Weights, sums and losses stay as they are (Micikevicius et al., "Mixed precision training", ICLR
    2018; bfloat16 needs no scaling of the loss: Kalamkar et al., arXiv:1905.12322, 2019).
    """
    if device.type == "cuda":
        can = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        # Older versions of PyTorch, which `pyproject.toml` allows, cannot tell.
        able: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
        can = bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    return torch.autocast(device.type, torch.bfloat16, enabled=can)
