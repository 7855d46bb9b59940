"""The Facial Action Transformer, one frame at a time, in NumPy.

A live face asks for ten numbers thirty times a second. In NumPy the same arithmetic takes about
half of the time (`python -m benchmarks --only live`; `policies.learned.frame_layers`).

The layers are those of `torch.nn.TransformerEncoderLayer` and `TransformerDecoderLayer` with
`norm_first`, under the names that PyTorch gives their weights.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import erf, expit, logit

from policies.learned.action_transformer import REST_MARGIN, ActionTransformer
from policies.learned.frame_layers import EPSILON, Floats, Linear, Weights, linear, weights_of

_SQRT_HALF: Final = np.float32(np.sqrt(0.5))


class FrameActor:
    """Does what an `ActionTransformer` does, to 1e-5.

    Args:
        transformer: a trained one; what is changed in it afterwards is not seen.
    """

    def __init__(self, transformer: ActionTransformer) -> None:
        weights = weights_of(transformer)
        layers, heads = range(transformer.architecture.layers), transformer.architecture.heads
        self.ahead: Final = transformer.architecture.ahead
        self.rest: Final[Floats] = weights["rest"]
        self._rest_logit = logit(np.clip(self.rest, REST_MARGIN, 1.0 - REST_MARGIN))
        self._latent_mean, self._latent_scale = weights["latent_mean"], weights["latent_scale"]
        self._past, self._future = weights["_past"], weights["_future"]
        self._command, self._latent, self._out = (
            linear(weights, name) for name in ("_command", "_latent", "_out")
        )
        self._encoder = [_Layer(weights, f"_encoder.layers.{k}", heads) for k in layers]
        self._decoder = [_Layer(weights, f"_decoder.layers.{k}", heads) for k in layers]
        self._encoded = _Norm(weights, "_encoder.norm")
        self._decoded = _Norm(weights, "_decoder.norm")

    def __call__(self, previous: Floats, wanted: Floats) -> Floats:
        """The next commands (10,) in [0, 1].

        Args:
            previous: (2, 10) in [0, 1], older first.
            wanted: (ahead + 1, 16) latents, now first.
        """
        past = self._command(2.0 * (previous - self.rest)) + self._past
        for layer in self._encoder:
            past = layer(past)
        known = self._encoded(past)
        future = self._latent((wanted - self._latent_mean) / self._latent_scale) + self._future
        for layer in self._decoder:
            future = layer(future, known)
        commands: Floats = expit(self._rest_logit + self._out(self._decoded(future[0])))
        return commands


class _Norm:
    def __init__(self, weights: Weights, name: str) -> None:
        self._scale, self._bias = weights[f"{name}.weight"], weights[f"{name}.bias"]

    def __call__(self, x: Floats) -> Floats:
        off = x - np.add.reduce(x, axis=-1, keepdims=True) / x.shape[-1]
        variance = np.add.reduce(off * off, axis=-1, keepdims=True) / x.shape[-1]
        normal: Floats = off / np.sqrt(variance + EPSILON) * self._scale + self._bias
        return normal


class _Attention:
    """Scaled dot products (Vaswani et al., 2017)."""

    def __init__(self, weights: Weights, name: str, heads: int) -> None:
        weight, bias = weights[f"{name}.in_proj_weight"], weights[f"{name}.in_proj_bias"]
        self._heads = heads
        self._query, self._key, self._value = (
            Linear(*part) for part in zip(np.split(weight, 3), np.split(bias, 3), strict=True)
        )
        self._out = linear(weights, f"{name}.out_proj")

    def __call__(self, asking: Floats, asked: Floats) -> Floats:
        query, key, value = self._query(asking), self._key(asked), self._value(asked)
        width = query.shape[1] // self._heads
        seen = np.empty_like(query)
        for first in range(0, query.shape[1], width):
            part = slice(first, first + width)
            alike = query[:, part] @ key[:, part].T * np.float32(width**-0.5)
            weight = np.exp(alike - np.maximum.reduce(alike, axis=1, keepdims=True))
            weight /= np.add.reduce(weight, axis=1, keepdims=True)
            seen[:, part] = weight @ value[:, part]
        return self._out(seen)


class _Layer:
    """A layer of the encoder, or of the decoder, which also looks at what the encoder knows."""

    def __init__(self, weights: Weights, name: str, heads: int) -> None:
        self._own = _Attention(weights, f"{name}.self_attn", heads)
        self._other = (
            _Attention(weights, f"{name}.multihead_attn", heads)
            if f"{name}.multihead_attn.in_proj_weight" in weights
            else None
        )
        n_norms = 2 if self._other is None else 3
        self._norms = [_Norm(weights, f"{name}.norm{k + 1}") for k in range(n_norms)]
        self._widen, self._narrow = (linear(weights, f"{name}.linear{k}") for k in (1, 2))

    def __call__(self, x: Floats, known: Floats | None = None) -> Floats:
        level = self._norms[0](x)
        x = x + self._own(level, level)
        if self._other is not None and known is not None:
            x = x + self._other(self._norms[1](x), known)
        return x + self._narrow(_gelu(self._widen(self._norms[-1](x))))


def _gelu(x: Floats) -> Floats:
    y: Floats = 0.5 * x * (1.0 + erf(x * _SQRT_HALF))
    return y
