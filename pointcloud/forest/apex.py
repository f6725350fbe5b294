"""What the pulses missed of each tree's apex, by two estimates that err differently.

One is the mean loss of the trees around: thinned in thought, the survey itself tells how much lower its tops get with
fewer pulses (`mean_losses`). Which pulse came nearest to one apex is chance, though, and it spreads single losses by
half of that mean. The other asks the points of the tree's own crown: they lie on or below a surface whose form the
trees of a neighbourhood have in common (`fitted_losses`). A tree's loss is the mean of both, each weighted by the
inverse of its variance.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pointcloud.forest import apex_kernels
from pointcloud.forest.canopy import HighestPoints
from pointcloud.ground.bands import SMALL, run_bands

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCK: Final = 50.0
"""Edge in metres of the blocks of trees that share what is estimated of them together."""

LEAST_TREES: Final = 30
"""Trees from which such an estimate is made; those of smaller blocks take that of all trees."""

_STEEPEST, _FLATTEST = 0.5, 1.0
"""Powers of the pulse density with which a loss falls: 1/2 for a cone, 1 for a dome."""

_OUTLIER = 4.0
"""Multiple of the median from which a first halving's loss says that a lone point was taken for the top."""

CHANCE: Final = math.sqrt(4.0 / math.pi - 1.0)
"""Spread of single losses as a share of their mean: that of the distance from a cone's axis to the nearest of randomly
strewn pulses, which follows a Rayleigh distribution."""

REACH: Final = 1.25
"""Metres around a top within which points are compared with a form: farther out neighbours come in between."""

POINT_BLOCK: Final = 0.5
"""Edge in metres of the squares of which the highest point is taken."""

LEAST_POINTS: Final = 4
"""Points from which a form is compared: as many as there are unknowns of an apex, and one."""

FORMS: Final = np.array(
    [
        (slope, roundness, rate, max(4.0, 2.0 * rate))
        for slope, roundness, rate in itertools.product(range(1, 8), (0.0, 0.5, 1.5, 4.0), (0.5, 1.0, 2.0))
    ]
)
"""Crown forms that are tried: slope of the flank, roundness of the tip in metres, and the rates a metre with which
points get fewer below and above the surface."""

_PILOT: Final = np.array([4.0, 1.0, 1.0, 4.0])
"""Form by which the likeliest places of an apex are looked for: places hardly depend on it."""

_LEVELS: Final = np.arange(-0.25, 5.1, 0.25)
"""Metres above the highest return at which an apex is tried."""

_MOST, _EDGE, _STEP, _PLACES = 6.0, 3, 1.0 / 3.0, 3
"""Greatest weight of a point, so that a branch of a neighbour decides nothing; places an apex is tried at: a metre each
way from the highest return in thirds, of which the three likeliest count."""

_ROUNDS: Final = 20
"""Rounds of expectation and maximisation: enough for the frequencies of forms to settle, too few to make them spiky."""


@dataclass(frozen=True, slots=True)
class CrownPoints:
    """The points of crowns, which say how high their apexes stand.

    Parameters
    ----------
    points
        The highest point of each cell.
    labels
        int32 of the grid's shape: k + 1 where tree k covers the cell.
    tops
        x, y and metres above the ground of each tree's highest return; shape (n, 3).
    ground
        Ground heights in metres on the same grid, float64; NaN where void.
    """

    points: HighestPoints
    labels: NDArray[np.int32]
    tops: Floats
    ground: Floats

    def moments(self, trees: Ints) -> Floats:
        """Log evidence, mean and mean square of some trees' losses under each of `FORMS`; shape (trees, forms, 3).

        Points lie below a crown's surface by a distance that falls off exponentially, as pulses enter the foliage, and
        above it by a shorter one. With the apex at a place and level unknown beforehand, these give how likely the
        points are under each form, and the apex's metres above the highest return. NaN where points are too few.

        Parameters
        ----------
        trees
            Rows of ``tops``.
        """
        grid, points = self.points.grid, self.points
        out = np.empty((trees.size, len(FORMS), 3))
        run_bands(
            apex_kernels.fit, trees.size, trees, self.tops, self.labels, (points.height, points.dx, points.dy),
            self.ground, (grid.cell, grid.column, grid.south_row + grid.n_rows), REACH,
            max(1, round(POINT_BLOCK / grid.cell)), FORMS, _PILOT, _LEVELS, _MOST, _EDGE, _STEP, _PLACES, LEAST_POINTS,
            after=(out,), size=SMALL * trees.size,
        )  # fmt: skip
        return out


def apex_losses(expected: Floats, moments: Callable[[Ints], Floats], block: Ints) -> Floats:
    """Metres that the pulses are estimated to have missed of each tree's apex, none negative; shape (n,).

    Parameters
    ----------
    expected, block
        As in `mean_losses`.
    moments
        `CrownPoints.moments` of the same trees.
    """
    mean = mean_losses(expected, block)
    single, variance = fitted_losses(moments, block)
    chance = (CHANCE * mean) ** 2
    share = np.divide(chance, chance + variance, out=np.zeros(mean.size), where=np.isfinite(variance) & (chance > 0.0))
    return np.maximum(np.where(share > 0.0, mean + share * (single - mean), mean), 0.0)


def fitted_losses(moments: Callable[[Ints], Floats], block: Ints) -> tuple[Floats, Floats]:
    """Loss of each tree by the form of its crown, metres, and its variance; NaN where points are too few. Shape (n,).

    How often each form comes among the trees of a block is found with them, and is what a tree's own evidence is
    weighed with (empirical Bayes): stands of two species in one block do not blur one another.

    Parameters
    ----------
    moments
        See `CrownPoints.moments`.
    block
        Trees of one number share frequencies; -1 and those of small blocks take the frequencies of all.

    References
    ----------
    Laird, N. (1978). Nonparametric maximum likelihood estimation of a mixing distribution. J. American Statistical
    Association 73, 805-811. doi:10.1080/01621459.1978.10480103. Deviation: forms on a fixed grid, and few rounds.
    """
    loss, variance = np.full(block.size, np.nan), np.full(block.size, np.nan)
    common, rest = np.zeros(len(FORMS)), []
    for trees in _groups(block):
        if trees.size < LEAST_TREES or block[trees[0]] < 0:
            rest.append(trees)
            continue
        found = moments(trees)
        frequency = _frequencies(found[..., 0])
        common += trees.size * frequency
        loss[trees], variance[trees] = _mixed(found, frequency)
    if rest:
        trees = np.concatenate(rest)
        found = moments(trees)
        frequency = common / common.sum() if common.any() else _frequencies(found[..., 0])
        loss[trees], variance[trees] = _mixed(found, frequency)
    return loss, variance


def _groups(block: Ints) -> list[Ints]:
    """Trees of each block, in rising order of its number."""
    order = np.argsort(block, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(block[order])) + 1) if block.size else []


def _frequencies(log_evidence: Floats) -> Floats:
    """How often each form comes among trees; shape (forms,)."""
    known = log_evidence[np.isfinite(log_evidence[:, 0])]
    frequency = np.full(log_evidence.shape[1], 1.0 / log_evidence.shape[1])
    if len(known) == 0:
        return frequency
    likelihood = np.exp(known - known.max(axis=1, keepdims=True))
    for _ in range(_ROUNDS):
        share = likelihood * frequency
        frequency = (share / share.sum(axis=1, keepdims=True)).mean(axis=0)
    return frequency


def _mixed(found: Floats, frequency: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of each tree's loss over all forms."""
    share = np.exp(found[..., 0] - found[..., 0].max(axis=1, keepdims=True)) * frequency
    share /= share.sum(axis=1, keepdims=True)
    loss: Floats = (share * found[..., 1]).sum(axis=1)
    return loss, (share * found[..., 2]).sum(axis=1) - loss**2


def mean_losses(expected: Floats, block: Ints) -> Floats:
    """Metres that the pulses are expected to have missed of apexes near each tree's; shape (n,).

    Which pulse comes nearest to an apex is chance, so a survey with half the pulses would have found tops lower by an
    amount that the survey itself tells: the expected highest return when each pulse is kept with a chance of one half.
    The loss falls with a power of the pulse density that depends on how pointed crowns are. Losing half the pulses
    twice shows the power, and the power what an endless number of pulses would still add:
    ``loss = d1 / (d2 / d1 - 1)`` with d1 lost in the first halving and d2 in the second (Richardson extrapolation).

    Parameters
    ----------
    expected
        Expected highest first return of each tree with all, a half and a quarter of its pulses, metres; shape (3, n).
    block
        Trees of one number share an estimate; -1: not counted.

    References
    ----------
    Richardson, L. F. (1911). The approximate arithmetical solution by finite differences of physical problems.
    Phil. Trans. R. Soc. A 210, 307-357. doi:10.1098/rsta.1911.0009.
    """
    first, second = expected[0] - expected[1], expected[1] - expected[2]
    loss = np.full(block.size, _loss(first[block >= 0], second[block >= 0]))
    for trees in _groups(block):
        if trees.size >= LEAST_TREES and block[trees[0]] >= 0:
            loss[trees] = _loss(first[trees], second[trees])
    return loss


def _loss(first: Floats, second: Floats) -> float:
    """Mean loss of some trees from what two halvings took; 0 where nothing is known."""
    kept = first <= _OUTLIER * np.median(first) if first.size else np.zeros(0, np.bool_)
    if not kept.any() or first[kept].mean() <= 0.0:
        return 0.0
    growth = np.clip(second[kept].mean() / first[kept].mean(), 2.0**_STEEPEST, 2.0**_FLATTEST)
    return float(first[kept].mean() / (growth - 1.0))
