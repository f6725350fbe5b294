"""``filters.python``: tengun's functions, called as PDAL's Python filter calls them.

PDAL compiles the module anew for a stage, sets ``pdalargs`` and ``spatialreference`` in it, and calls the
function with ``ins`` and ``outs``, dicts of arrays by dimension. What the function puts into ``outs`` replaces
the dimension; ``Mask`` there says which points stay (pdal.io, "filters.python").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.native.columns import COORDINATES, with_columns
from pointcloud.cloud import PointCloud
from pointcloud.errors import ParameterError

MODULES: Final = ("pipelines.stages",)
"""Modules whose public functions may stand behind ``filters.python``."""


def check_function(module: str, function: str) -> None:
    """Refuse what is not a function of tengun's.

    Raises
    ------
    ParameterError
        Naming the modules, or the functions of the module, that are allowed.
    """
    if module not in MODULES:
        raise ParameterError(
            f"filters.python: the module '{module}' is not tengun's; allowed is {', '.join(MODULES)}",
            f"filters.python: モジュール '{module}' は使えません。使えるもの: {', '.join(MODULES)}",
            field="module",
            value=module,
        )
    known = functions(module)
    if function not in known:
        raise ParameterError(
            f"filters.python: {module} has no function '{function}'; there are {', '.join(known)}",
            f"filters.python: {module} に関数 '{function}' はありません。あるもの: {', '.join(known)}",
            field="function",
            value=function,
        )


def functions(module: str) -> list[str]:
    """Names of the stage functions of a module."""
    return sorted(_fresh(module).__all__)


def _fresh(module: str) -> Any:
    fresh = ModuleType(module)
    SourceFileLoader(module, str(Path(__file__).with_name(f"{module.rpartition('.')[2]}.py"))).exec_module(fresh)
    return fresh


def call(
    module: str, function: str, cloud: PointCloud, pdalargs: Mapping[str, Any], added: Sequence[str] = ()
) -> PointCloud:
    """The points as the function leaves them.

    Parameters
    ----------
    module, function
        Allowed by `check_function`.
    cloud
        Points before.
    pdalargs
        Options of the function.
    added
        Dimensions that the function may add (``add_dimension``).

    Raises
    ------
    ParameterError
        When the function is not tengun's, or says that it failed.
    TengunError
        What the function itself raises.
    """
    check_function(module, function)
    stage = _fresh(module)
    stage.pdalargs = dict(pdalargs)
    stage.spatialreference = cloud.crs.to_wkt() if cloud.crs is not None else ""
    names = {name: getattr(cloud, axis) for name, axis in COORDINATES.items()}
    ins: dict[str, NDArray[Any]] = {**names, **cloud.attributes}
    for name in added:
        ins.setdefault(name, np.zeros(len(cloud)))
    outs: dict[str, NDArray[Any]] = {}
    if getattr(stage, function)(ins, outs) is not True:
        raise ParameterError(
            f"filters.python: {function} did not succeed",
            f"filters.python: {function} が失敗しました。",
            value=function,
        )
    mask = outs.pop("Mask", None)
    # PDAL knows only the dimensions that came in or that add_dimension names
    result = with_columns(cloud, {n: v for n, v in {**{a: ins[a] for a in added}, **outs}.items() if n in ins})
    return result if mask is None else result.take(mask.astype(np.bool_))
