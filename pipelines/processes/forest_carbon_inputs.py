"""What ``forest-carbon`` is given: a survey or its trees, stands, tables; the same for an earlier survey."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipelines.evidence import sha256, software
from pipelines.process import OutputFile
from pipelines.processes.tree_outputs import inventory_summary, write_maps
from pipelines.tree_survey import take_inventory
from pointcloud.errors import CrsError, ParameterError
from pointcloud.forest.carbon import CarbonOptions
from pointcloud.forest.carbon_claim import Tables
from pointcloud.forest.carbon_table import carbon_table
from pointcloud.forest.growth_tables import example_yield_table, read_yield_table
from pointcloud.forest.inventory import Trees
from pointcloud.forest.stands import Stand
from pointcloud.forest.stands_models import species_models
from pointcloud.forest.stands_reading import read_stands
from pointcloud.forest.stands_table import SpeciesModels, StandMeasure, Survey, UpperLayer, stand_table
from pointcloud.forest.stem_plots import read_plots
from pointcloud.forest.tree_files import read_trees
from pointcloud.forest.uncertainty import assumed_height_error
from pointcloud.grid import Raster
from pointcloud.io.raster import read_raster
from pointcloud.io.survey import open_survey
from pointcloud.notes import Note

if TYPE_CHECKING:
    from pyproj import CRS

    from pipelines.processes.forest_carbon import CarbonParameters

SURVEYS: Final = ("survey", "earlier_survey")

CELL, MAX_GAP = 0.5, 20.0
"""Metres: those of ``tree-inventory`` where nothing else is said."""

Report = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class TreeEpoch:
    """Trees of one survey, its canopy and ground returns where known, and what came of taking the inventory here."""

    trees: Trees
    canopy: Raster | None
    density: Raster | None
    files: tuple[OutputFile, ...] = ()
    inventory: dict[str, Any] | None = None


class Inputs:
    """The inputs of a run.

    Parameters
    ----------
    inputs
        Name -> files, as `Process.run` gets them.
    parameters
        Of the run.
    """

    def __init__(self, inputs: Mapping[str, Sequence[Path]], parameters: CarbonParameters) -> None:
        self.surveys = {name: inputs[name] for name in SURVEYS if inputs.get(name)}
        self.files = {name: paths[0] for name, paths in inputs.items() if paths and name not in SURVEYS}
        self.parameters = parameters
        self.rule = UpperLayer(parameters.upper_layer)
        self.error = assumed_height_error()

    def check(self) -> None:
        """Refuse what cannot be meant, before a point is read.

        Raises
        ------
        ParameterError
            Without trees and survey, with both, or with an earlier survey whose year is missing or not earlier.
        """
        if ("survey" in self.surveys) == ("trees" in self.files):
            raise ParameterError(
                "forest carbon: give either a survey or the trees that were found in one",
                "点群 (survey) と樹木一覧 (trees) のどちらか一方を指定してください。",
                field="survey",
            )
        year = self.parameters.earlier_year
        if self.has_earlier and (year is None or year >= self.parameters.survey_year):
            raise ParameterError(
                f"forest carbon: an earlier survey is given, its fiscal year is {year}; set earlier_year to one before "
                f"{self.parameters.survey_year}",
                f"前回測量の年度 {year} が不正です。earlier_year に {self.parameters.survey_year} より前の年度を入れて"
                "ください。",
                field="earlier_year",
                value=year,
            )

    @property
    def has_earlier(self) -> bool:
        """Whether an earlier survey or its trees are given."""
        return "earlier_survey" in self.surveys or "earlier_trees" in self.files

    def epoch(self, folder: Path, report: Report) -> TreeEpoch:
        """The trees, found in the survey (whose maps are written into ``folder``) or read.

        Raises
        ------
        TengunError
            When a file cannot be read.
        """
        if "survey" in self.surveys:
            taken = take_inventory(self.surveys["survey"], self.parameters.crs, CELL, MAX_GAP, "growth", report)
            files = write_maps(folder, taken)
            return TreeEpoch(taken.trees, taken.found.canopy, taken.density, files, inventory_summary(taken))
        canopy, density = (
            read_raster(self.files[n]) if n in self.files else None for n in ("canopy", "ground_density")
        )
        return TreeEpoch(read_trees(self.files["trees"]), canopy, density)

    def earlier(self, now: TreeEpoch, report: Report) -> TreeEpoch | None:
        """The same of the earlier survey, or None; nothing is written. Trees alone cover what the later ones do.

        Raises
        ------
        CrsError
            When the two surveys are in different reference systems.
        TengunError
            When a file cannot be read.
        """
        if "earlier_survey" in self.surveys:
            taken = take_inventory(self.surveys["earlier_survey"], self.parameters.crs, CELL, MAX_GAP, "growth", report)
            found = TreeEpoch(taken.trees, taken.found.canopy, taken.density)
        elif "earlier_trees" in self.files:
            found = TreeEpoch(read_trees(self.files["earlier_trees"]), now.canopy, now.density)
        else:
            return None
        if found.trees.crs != now.trees.crs:
            raise CrsError(
                "forest carbon: the two surveys are in different reference systems; give both in one",
                "2 時期の測量の座標参照系が異なります。同じ座標系のものを指定してください。",
            )
        return found

    def stands(self) -> tuple[Stand, ...]:
        """The stands in the trees' CRS; known before the survey is worked on.

        Raises
        ------
        CrsError
            When survey or trees state none.
        TengunError
            When the stands cannot be read.
        """
        if "survey" in self.surveys:
            crs: CRS | None = open_survey(self.surveys["survey"], self.parameters.crs).crs
        else:
            crs = read_trees(self.files["trees"]).crs
        if crs is None:
            raise CrsError(
                "forest carbon: the trees' GeoPackage states no CRS; make it anew from a survey whose CRS is known",
                "樹木一覧に座標参照系がありません。座標参照系の分かる測量から作り直してください。",
            )
        year = self.parameters.age_year or self.parameters.survey_year
        return read_stands(self.files["stands"], crs, year, self.files.get("register"))

    def measures(
        self, epoch: TreeEpoch, stands: Sequence[Stand], tables: Tables
    ) -> tuple[tuple[StandMeasure, ...], dict[str, SpeciesModels], tuple[Note, ...]]:
        """The stand table of an epoch, what volumes were made by, and what is missing."""
        plots = read_plots(self.files["plots"]) if "plots" in self.files else None
        models, notes = species_models(stands, tables.constants, epoch.trees, plots)
        survey = Survey(epoch.canopy, epoch.density, self.error)
        return stand_table(epoch.trees, stands, survey, models, self.rule), models, notes

    def record(self) -> dict[str, Any]:
        """Files with hashes, parameters and software, JSON-ready."""
        named = {name: {"name": path.name, "sha256": sha256(path)} for name, path in self.files.items()}
        return {"inputs": named, "parameters": self.parameters.model_dump(mode="json"), "software": software()}


def carbon_options(parameters: CarbonParameters) -> CarbonOptions:
    """What the claim settles."""
    names = ("methodology", "start_year", "survey_year", "period", "buffer_percent", "carbon_fraction", "thinning",
             "rotation_ages", "treatment_since")  # fmt: skip
    return CarbonOptions(**{n: getattr(parameters, n) for n in names})


def read_tables(files: Mapping[str, Path]) -> Tables:
    """Yield table, constants and site-index curves; the example where no yield table is given.

    Raises
    ------
    TengunError
        When a table cannot be read or does not hold together.
    """
    constants = carbon_table(files.get("constants"))
    if "yield_table" in files:
        yields = read_yield_table(files["yield_table"], constants.name_of)
    else:
        yields = example_yield_table(constants.name_of)
    curves = read_yield_table(files["curves"], constants.name_of) if "curves" in files else yields
    return Tables(yields, constants, curves)
