"""How far a reading may be from the shaft: whole counts, a last digit that flickers, a vague time.

An encoder of whole counts says more than its count's width suggests. Where the shaft is known to
half a count, least squares can only average; but a reading that has *just* changed says that the
shaft has just crossed the edge between two counts. How sharp these edges are is learnt from the
log itself, so an encoder that is noisy is not taken for an exact one.

The error e of a reading, in counts, has the density of a rounding error (even between -1/2 and
1/2), blurred by what the shaft does before it is rounded and by the vagueness of the reading's
time, and shifted by a whole count where the last digit flickers.

A maximum-likelihood estimate with such a density is found by Fisher's scoring: least squares on
`readings that would be as informative` (the working responses of generalised linear models;
McCullagh and Nelder, "Generalized Linear Models", 2nd ed. 1989, section 2.5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit, ndtr

Floats = NDArray[np.float64]

OUTLIERS: Final = 0.01
"""Share of readings that nothing here explains: a frame that came late, a disturbed answer."""

OUTLIER_COUNTS: Final = 3.0
"""How far off those are (standard deviation), counts."""

FARTHEST_COUNTS: Final = 30.0
"""Errors beyond this count as this: their density would be too small for a number."""

SHARPEST_COUNTS: Final = 0.03
"""Least blur that is believed: what the twin leaves out blurs as well."""

_ERRORS: Final = np.linspace(-6.0, 6.0, 3001)
_BLURS: Final = np.geomspace(0.5 * SHARPEST_COUNTS, 10.0, 40)


@dataclass(frozen=True)
class EncoderError:
    """The density of the error of a reading.

    Attributes:
        noise: of what is rounded, standard deviation, counts.
        flicker: probability that the last digit is one too high; as much for one too low.
        clock_s: how vague the time of a reading is, standard deviation, s.
    """

    noise: float
    flicker: float
    clock_s: float

    def blur(self, speeds: Floats) -> Floats:
        """Standard deviation (counts) of what is rounded, at shaft speeds in counts per second."""
        blur: Floats = np.hypot(max(self.noise, SHARPEST_COUNTS), self.clock_s * speeds)
        return np.clip(blur, _BLURS[0], _BLURS[-1])

    def softened(self, noise: float) -> EncoderError:
        """The same with at least so much noise."""
        return replace(self, noise=max(self.noise, noise))

    def density(self, errors: Floats, blur: Floats) -> tuple[Floats, Floats]:
        """Density of errors (counts) and its slope."""
        errors = np.clip(errors, -FARTHEST_COUNTS, FARTHEST_COUNTS)
        density = OUTLIERS * _normal(errors / OUTLIER_COUNTS) / OUTLIER_COUNTS
        slope = -density * errors / OUTLIER_COUNTS**2
        shares = {-1: self.flicker, 0: 1.0 - 2.0 * self.flicker, 1: self.flicker}
        for digit, share in shares.items():
            lower, upper = (errors - digit + 0.5) / blur, (errors - digit - 0.5) / blur
            density = density + (1.0 - OUTLIERS) * share * (ndtr(lower) - ndtr(upper))
            slope = slope + (1.0 - OUTLIERS) * share * (_normal(lower) - _normal(upper)) / blur
        return density, slope

    def working(self, errors: Floats, speeds: Floats) -> tuple[Floats, Floats]:
        """What least squares shall see instead of errors, and how much each counts.

        Args:
            errors: measured minus predicted, counts.
            speeds: of the shaft at these times, counts per second.

        Returns:
            Errors (counts) and weights (1 / counts): minimising the sum of (weight * error)^2 is a
            step of Fisher's scoring.
        """
        blur = self.blur(speeds)
        density, slope = self.density(errors, blur)
        information = np.interp(blur, _BLURS, _information(self))
        return -slope / density / information, np.sqrt(information)


START: Final = EncoderError(noise=0.3, flicker=0.05, clock_s=0.0005)
"""Where the search begins: an encoder that wavers a little, on a computer that is not idle."""


def encoder_error(errors: Floats, speeds: Floats) -> EncoderError:
    """The density that makes errors (counts, at speeds in counts per second) most likely."""

    def made(x: Floats) -> EncoderError:
        return EncoderError(math.exp(x[0]), 0.5 * float(expit(x[1])), math.exp(x[2]))

    def unlikeliness(x: Floats) -> float:
        candidate = made(x)
        density, _ = candidate.density(errors, candidate.blur(speeds))
        return -float(np.mean(np.log(density)))

    x0 = [math.log(START.noise), float(logit(2.0 * START.flicker)), math.log(START.clock_s)]
    bounds = [(math.log(0.01), math.log(5.0)), (-9.0, 2.0), (math.log(2e-5), math.log(0.01))]
    found = minimize(
        unlikeliness,
        x0,
        method="Nelder-Mead",
        bounds=bounds,
        options={"fatol": 1e-6, "xatol": 0.02},
    )
    return made(found.x)


@lru_cache(maxsize=8)
def _information(encoder: EncoderError) -> Floats:
    """Fisher information of one reading (1 / counts^2) for each of `_BLURS`."""
    density, slope = encoder.density(_ERRORS, _BLURS[:, None])
    return np.asarray(np.trapezoid(slope**2 / density, _ERRORS, axis=1))


def _normal(x: Floats) -> Floats:
    density: Floats = np.exp(-0.5 * x**2) / math.sqrt(2.0 * math.pi)
    return density
