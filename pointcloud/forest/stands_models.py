"""Which regression, volume table and omission go with the species of the stands."""

from __future__ import annotations

from collections.abc import Sequence

from pointcloud.errors import NotFoundError
from pointcloud.forest.carbon_table import CarbonTable
from pointcloud.forest.inventory import Trees
from pointcloud.forest.stands import Stand
from pointcloud.forest.stands_table import SpeciesModels
from pointcloud.forest.stem import volume_tables
from pointcloud.forest.stem_diameter import fallback_model
from pointcloud.forest.stem_plots import PlotTrees, diameter_models, omissions
from pointcloud.notes import Note


def species_models(
    stands: Sequence[Stand], constants: CarbonTable, trees: Trees, plots: PlotTrees | None
) -> tuple[dict[str, SpeciesModels], tuple[Note, ...]]:
    """Models by species as the stands write it, and what is missing.

    A species without enough calibration trees gets the world-wide diameter equation, marked as not for credit; one
    without constants has no volume table.

    Parameters
    ----------
    stands
        Whose species are wanted.
    constants
        Gives species one name and, for Shizuoka, a volume table.
    trees
        Detected trees, to match the plots' with.
    plots
        Calibration plots, or None.
    """
    fitted, notes = ({}, ()) if plots is None else diameter_models(plots, trees, constants.name_of)
    missed = {} if plots is None else omissions(plots, trees, constants.name_of)
    models: dict[str, SpeciesModels] = {}
    lacking: list[str] = []
    for written in dict.fromkeys(s.species for s in stands if s.species):
        name = constants.name_of(written)
        if name not in fitted:
            lacking.append(name)
        models[written] = SpeciesModels(
            fitted.get(name) or fallback_model(name), volume_tables().get(_volume_table(constants, name)),
            missed.get(name),
        )  # fmt: skip
    if lacking:
        names = ", ".join(dict.fromkeys(lacking))
        en = f"diameters of {names} are by a world-wide equation, not for credit: no calibration trees"
        ja = f"{names} の胸高直径は現地調査による較正がなく、世界共通式の参考値です (クレジット申請には使えません)。"
        notes += (Note("diameter-fallback", en, ja),)
    return models, notes


def _volume_table(constants: CarbonTable, name: str) -> str:
    try:
        return constants.find(name).stem_table
    except NotFoundError:
        return ""
