"""How far a stand's height may be off: of the whole survey, of single trees, of the ground under the canopy."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Final

from pointcloud.forest.tables import reading

Z95: Final = 1.959963984540054
"""Half width of a 95 % interval in standard deviations of a normal distribution."""


@dataclass(frozen=True, slots=True)
class HeightError:
    """Standard deviations in metres; values and their status are those of ``tables/height_error.csv``.

    Parameters
    ----------
    survey_sd
        Of the error that all trees of a survey share.
    tree_sd
        Of a single tree.
    ground_sd
        Of the ground under a stand that has one ground return a square metre; it grows with the root of the area that a
        return stands for, up to ``ground_sd_max``.
    ground_sd_max
        See ``ground_sd``.
    ground_density_warning
        Ground returns a square metre below which a stand is marked.
    """

    survey_sd: float
    tree_sd: float
    ground_sd: float
    ground_sd_max: float
    ground_density_warning: float

    def ground(self, density: float) -> float:
        """Standard deviation in m of the ground's height under a stand; without a known density that of 1/m2."""
        if math.isnan(density):
            return self.ground_sd
        return min(self.ground_sd / math.sqrt(density), self.ground_sd_max) if density > 0.0 else self.ground_sd_max

    def stand(self, n_trees: int, density: float) -> float:
        """Standard deviation in m of a stand's mean height beyond what the whole survey shares."""
        return math.hypot(self.tree_sd / math.sqrt(max(n_trees, 1)), self.ground(density))

    def total(self, n_trees: int, density: float) -> float:
        """Standard deviation in m of a stand's mean height."""
        return math.hypot(self.survey_sd, self.stand(n_trees, density))

    def as_dict(self) -> dict[str, float]:
        """JSON-ready."""
        return asdict(self)


def assumed_height_error() -> HeightError:
    """The values of the table."""
    table = reading.packaged("height_error.csv")
    return HeightError(**{row.cells["name"]: float(row.cells["value"]) for row in table.rows})
