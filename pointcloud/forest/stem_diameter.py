"""Stem diameter (DBH) from what the laser sees: height and crown, by a regression on local calibration trees.

``ln D = a + b ln H + c ln A`` with D in cm, H in m and crown area A in m2, fitted by least squares; the prediction is
the mean on the scale of D (Baskerville 1972). Without calibration trees a world-wide equation stands in, whose results
are marked as not for credit.

References
----------
Baskerville G.L. (1972). Use of logarithmic regression in the estimation of plant biomass. Can. J. For. Res. 2:49-53.
doi:10.1139/x72-009
Jucker T. et al. (2017). Allometric equations for integrating remote sensing imagery into forest monitoring programmes.
Global Change Biology 23:177-190. doi:10.1111/gcb.13388
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pointcloud.errors import ParameterError

Floats = NDArray[np.float64]

LEAST_TREES: Final = 10
"""Fewest calibration trees of a species that a regression is made from."""

CALIBRATED: Final = "calibrated"
FALLBACK: Final = "fallback, not for credit"


@dataclass(frozen=True, slots=True)
class DiameterModel:
    """A regression and how good it is; root mean square errors in cm, NaN where they cannot be known.

    ``rmse_tree`` leaves out one tree at a time, ``rmse_plot`` one plot at a time. ``height_range`` is what the
    calibration trees span, in m.
    """

    species: str
    a: float
    b: float
    c: float
    sigma: float
    n_trees: int
    n_plots: int
    rmse_tree: float
    rmse_plot: float
    mean_dbh: float
    height_range: tuple[float, float]
    status: str
    source: str

    @property
    def is_for_credit(self) -> bool:
        """Whether the diameters rest on calibration trees of the species."""
        return self.status == CALIBRATED

    def predict(self, height: Floats, crown_area: Floats) -> Floats:
        """Mean diameters in cm of trees of these heights (m) and crown areas (m2); 0 where one is not positive."""
        known = (height > 0.0) & (crown_area > 0.0)
        h, area = np.where(known, height, 1.0), np.where(known, crown_area, 1.0)
        found = np.exp(self.a + self.b * np.log(h) + self.c * np.log(area) + 0.5 * self.sigma**2)
        return np.where(known, found, 0.0)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; None for what is not known."""
        made = {k: v if not isinstance(v, float) or math.isfinite(v) else None for k, v in asdict(self).items()}
        return {**made, "height_range": [v if math.isfinite(v) else None for v in self.height_range],
                "is_for_credit": self.is_for_credit}  # fmt: skip


def fallback_model(species: str) -> DiameterModel:
    """The world-wide equation of Jucker et al. (2017), ``D = 0.557 (H CD)^0.809``, CD the crown's diameter.

    Its coefficients are not confirmed and its results are not for credit.
    """
    power = 0.809
    return DiameterModel(
        species, math.log(0.557) + power * math.log(2.0 / math.sqrt(math.pi)), power, 0.5 * power, 0.056, 0, 0,
        math.nan, math.nan, math.nan, (math.nan, math.nan), FALLBACK,
        "Jucker et al. (2017), doi:10.1111/gcb.13388, coefficients unconfirmed",
    )  # fmt: skip


def calibrate(species: str, dbh: Floats, height: Floats, crown_area: Floats, plot: NDArray[np.str_]) -> DiameterModel:
    """The regression through calibration trees.

    Parameters
    ----------
    species
        What the trees are.
    dbh
        Measured diameters in cm, > 0, shape (n,).
    height, crown_area
        Of the same trees as the laser has them, in m and m2, > 0, shape (n,).
    plot
        Names of their plots, shape (n,).

    Raises
    ------
    ParameterError
        With fewer than 10 trees, or trees that are all alike.
    """
    design = np.column_stack((np.ones(dbh.size), np.log(height), np.log(crown_area)))
    if dbh.size < LEAST_TREES or np.linalg.matrix_rank(design - [0, *design[:, 1:].mean(axis=0)]) < 3:
        raise ParameterError(
            f"diameter of {species}: {dbh.size} calibration trees found in the survey; at least {LEAST_TREES} of "
            "different height and crown are needed",
            f"{species} の胸高直径の推定: 点群で対応のとれた調査木が {dbh.size} 本です。樹高と樹冠の異なる "
            f"{LEAST_TREES} 本以上が必要です。",
            value=int(dbh.size),
        )
    coefficients, sigma = _fit(design, np.log(dbh))
    a, b, c = (float(v) for v in coefficients)
    plots = np.unique(plot)
    return DiameterModel(
        species, a, b, c, sigma, int(dbh.size), int(plots.size),
        _rmse(design, dbh, np.arange(dbh.size)),
        _rmse(design, dbh, np.unique(plot, return_inverse=True)[1]) if plots.size > 2 else math.nan,
        float(dbh.mean()), (float(height.min()), float(height.max())), CALIBRATED, "calibration plots",
    )  # fmt: skip


def _fit(design: Floats, target: Floats) -> tuple[Floats, float]:
    """Coefficients and the residuals' standard deviation."""
    coefficients, *_ = np.linalg.lstsq(design, target, rcond=None)
    residuals = target - design @ coefficients
    freedom = max(target.size - design.shape[1], 1)
    return np.asarray(coefficients, np.float64), float(math.sqrt(float(residuals @ residuals) / freedom))


def _rmse(design: Floats, dbh: Floats, group: NDArray[np.int64]) -> float:
    """Error of predictions for each group of trees from a fit without it, cm; NaN where one leaves too few trees."""
    errors = []
    for g in np.unique(group):
        out = group == g
        if (~out).sum() <= design.shape[1]:
            return math.nan
        coefficients, sigma = _fit(design[~out], np.log(dbh[~out]))
        errors.append(np.exp(design[out] @ coefficients + 0.5 * sigma**2) - dbh[out])
    return float(np.sqrt(np.mean(np.concatenate(errors) ** 2)))
