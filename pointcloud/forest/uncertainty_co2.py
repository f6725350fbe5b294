"""Monte Carlo from the error of heights to site classes and CO2.

Site classes are steps, so the error cannot be propagated by a derivative: a stand's height is drawn, its class looked
up anew, and the CO2 of that class taken. The error that the whole survey shares is drawn once for all stands.

References
----------
JCGM 101:2008, Evaluation of measurement data - Supplement 1: propagation of distributions using a Monte Carlo method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointcloud.errors import ParameterError

Floats = NDArray[np.float64]

_ENDS = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Uncertain:
    """A stand: height in m and its own standard deviation, and what it comes to on each class.

    ``class_heights`` has shape (n,), best class first; ``outcomes`` shape (n, 2), t-CO2 taken up and given off. Under
    the lowest class nothing is taken up, and what is given off stays.
    """

    height: float
    spread: float
    class_heights: Floats
    outcomes: Floats


@dataclass(frozen=True, slots=True)
class Simulated:
    """Draws of absorption and emission in t-CO2, each of shape (n_stands, n_draws)."""

    absorption: Floats
    emission: Floats

    def stand(self, i: int) -> tuple[float, float]:
        """95 % interval of a stand's net in t-CO2."""
        return _interval(self.absorption[i] - self.emission[i])

    def total(self, is_counted: NDArray[np.bool_], buffer_share: float) -> tuple[float, float]:
        """95 % interval in t-CO2 of the credit, net of the buffer, of the stands where ``is_counted`` (n_stands,)."""
        absorption, emission = self.absorption[is_counted].sum(axis=0), self.emission[is_counted].sum(axis=0)
        return _interval(absorption * (1.0 - buffer_share) - emission)


def _interval(draws: Floats) -> tuple[float, float]:
    low, high = np.percentile(draws, _ENDS) if draws.size else (0.0, 0.0)
    return float(low), float(high)


def monte_carlo(stands: Sequence[Uncertain], survey_sd: float, n_draws: int, seed: int) -> Simulated:
    """CO2 of each stand under drawn heights.

    Parameters
    ----------
    stands
        The stands that have figures.
    survey_sd
        Standard deviation in m of the error that all stands share.
    n_draws
        At least 100.
    seed
        Start of the random numbers.

    Raises
    ------
    ParameterError
        With fewer than 100 draws.
    """
    if n_draws < 100:
        raise ParameterError(
            f"Monte Carlo: {n_draws} draws; at least 100 are needed for an interval",
            f"モンテカルロの試行回数 {n_draws} が少なすぎます。100 回以上にしてください。",
            value=n_draws,
        )
    rng = np.random.default_rng(seed)
    shared = survey_sd * rng.standard_normal(n_draws)
    absorption, emission = np.zeros((len(stands), n_draws)), np.zeros((len(stands), n_draws))
    for i, stand in enumerate(stands):
        drawn = stand.height + shared + stand.spread * rng.standard_normal(n_draws)
        # classes are best first: as many as lie above the drawn height are passed over
        reached = (stand.class_heights[:, None] > drawn).sum(axis=0)
        outcomes = np.vstack((stand.outcomes, (0.0, stand.outcomes[-1, 1])))
        absorption[i], emission[i] = outcomes[reached].T
    return Simulated(absorption, emission)
