"""A claim over stands of every kind, for the tests of what is written from it."""

from __future__ import annotations

import numpy as np

from pointcloud.forest.carbon import CarbonOptions
from pointcloud.forest.carbon_claim import Tables, claim
from pointcloud.forest.carbon_result import Claim
from pointcloud.forest.carbon_table import carbon_table
from pointcloud.forest.growth_tables import example_yield_table
from pointcloud.forest.stands import Treatment, Work
from pointcloud.forest.stands_models import species_models
from pointcloud.forest.stands_table import Survey, stand_table
from pointcloud.forest.uncertainty import assumed_height_error
from tests.oracles.plantations import rows_of, stand, trees_at


def claim_of_six() -> Claim:
    """Six stands: grown, over the age of 20, half felled and replanted, hinoki, excluded, refused."""
    constants = carbon_table()
    works = (Treatment(2015, Work.THINNING), Treatment(2027, Work.CLEAR_CUT, 0.5), Treatment(2028, Work.PLANTING))
    stands = [
        stand(0), stand(1, planted=2008), stand(2, treatments=works), stand(3, "桧", 1975, stated_area_ha=0.9),
        stand(4, treatments=()), stand(5, "バナナ"),
    ]  # fmt: skip
    parts = [rows_of(i, h, spread=1.0) for i, h in enumerate((19.5, 12.0, 21.0, 18.0, 20.0, 20.0))]
    trees = trees_at(*(np.concatenate([getattr(p, n) for p in parts]) for n in ("x", "y", "height")))
    models, _ = species_models(stands, constants, trees, None)
    error = assumed_height_error()
    measures = stand_table(trees, stands, Survey(None, None, error), models)
    yields = example_yield_table(constants.name_of)
    options = CarbonOptions("FO-001 Ver. 6.2", 2025, 2024, rotation_ages={"スギ": 40})
    return claim(stands, measures, Tables(yields, constants, yields), options, error)
