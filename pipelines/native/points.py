"""Stages that look at each point alone; they take a cloud in pieces."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.aoi import AreaOfInterest
from pyproj.transformer import TransformerGroup

from pipelines.native import expression
from pipelines.native.columns import column, with_columns
from pipelines.native.stage import Filter, Report
from pointcloud import crs as reference
from pointcloud.cloud import PointCloud
from pointcloud.errors import CrsError, GeometryError, ParameterError

Options = Mapping[str, Any]


def crop(options: Options, _: Report) -> Filter:
    """``filters.crop``: the points inside (or outside) a closed rectangle or a polygon with its boundary."""
    is_outside = options["outside"]
    if options["bounds"]:
        box = expression.box(options["bounds"][0])

        def inside(cloud: PointCloud) -> NDArray[np.bool_]:
            mask: NDArray[np.bool_] = (
                (cloud.x >= box.x_min) & (cloud.x <= box.x_max) & (cloud.y >= box.y_min) & (cloud.y <= box.y_max)
            )
            return mask

    elif options["polygon"]:
        import shapely

        polygon = _polygon(options["polygon"][0])

        def inside(cloud: PointCloud) -> NDArray[np.bool_]:
            mask: NDArray[np.bool_] = shapely.intersects_xy(polygon, cloud.x, cloud.y)
            return mask

    else:
        raise ParameterError(
            "filters.crop: neither bounds nor polygon is given", "filters.crop: bounds か polygon を指定してください。"
        )
    return lambda cloud: cloud.take(inside(cloud) != is_outside)


def _polygon(text: str) -> Any:
    import shapely

    try:
        geometry = shapely.from_geojson(text) if text.lstrip().startswith("{") else shapely.from_wkt(text)
    except shapely.errors.ShapelyError as error:
        raise GeometryError(
            f"filters.crop: the polygon '{text[:40]}' is neither WKT nor GeoJSON ({error})",
            f"filters.crop: 多角形 '{text[:40]}' を WKT または GeoJSON として読めません ({error})。",
        ) from error
    if geometry.geom_type not in ("Polygon", "MultiPolygon") or not geometry.is_valid or geometry.is_empty:
        raise GeometryError(
            f"filters.crop: the polygon '{text[:40]}' is a {geometry.geom_type}, {shapely.is_valid_reason(geometry)}; "
            "expected a valid polygon",
            f"filters.crop: 多角形 '{text[:40]}' が不正です ({shapely.is_valid_reason(geometry)})。",
        )
    shapely.prepare(geometry)
    return geometry


def value_range(options: Options, _: Report) -> Filter:
    """``filters.range``: points whose values lie in the ranges; those of one dimension are alternatives."""
    by_dimension: dict[str, list[expression.Range]] = {}
    for text in options["limits"]:
        found = expression.value_range(text)[0]
        by_dimension.setdefault(found.dimension, []).append(found)

    def run(cloud: PointCloud) -> PointCloud:
        keep = np.ones(len(cloud), dtype=np.bool_)
        for name, ranges in by_dimension.items():
            values = column(cloud, name)
            keep &= np.logical_or.reduce([r.holds(values) for r in ranges])
        return cloud.take(keep)

    return run


def condition(options: Options, _: Report) -> Filter:
    """``filters.expression``: the points for which a condition holds."""
    holds = expression.condition(options["expression"])
    return lambda cloud: cloud.take(holds(cloud))


def assign(options: Options, _: Report) -> Filter:
    """``filters.assign``: set dimensions, by ``value`` expressions or PDAL's older ``assignment`` of ranges."""
    values = [expression.assignment(text) for text in options["value"] or []]
    ranges = [_ranged(text) for text in options["assignment"] or []]
    only = expression.value_range(options["condition"])[0] if options["condition"] else None

    def run(cloud: PointCloud) -> PointCloud:
        for item in values:
            new = np.broadcast_to(np.asarray(item.value(cloud), dtype=np.float64), (len(cloud),))
            if item.where is not None:
                known = item.dimension in cloud.attributes or item.dimension in "XYZ"
                old = column(cloud, item.dimension).astype(np.float64) if known else np.zeros(len(cloud))
                new = np.where(item.where(cloud), new, old)
            cloud = with_columns(cloud, {item.dimension: new})
        passes = np.ones(len(cloud), np.bool_) if only is None else only.holds(column(cloud, only.dimension))
        for limits, number in ranges:
            old = column(cloud, limits.dimension).astype(np.float64)
            cloud = with_columns(cloud, {limits.dimension: np.where(passes & limits.holds(old), number, old)})
        return cloud

    return run


def _ranged(text: str) -> tuple[expression.Range, float]:
    found, value = expression.value_range(text)
    try:
        return found, float(value or "")
    except ValueError:
        raise ParameterError(
            f"filters.assign: '{text}' assigns no number; expected Dimension[low:high]=value",
            f"filters.assign: '{text}' は Dimension[下限:上限]=値 の形で指定してください。",
            value=text,
        ) from None


def reprojection(options: Options, report: Report) -> Filter:
    """``filters.reprojection``: into another reference system, easting (longitude) first, best operation only."""
    target = reference.parse(options["out_srs"])
    given = reference.parse(options["in_srs"]) if options["in_srs"] else None
    transformers: dict[str, Transformer] = {}

    def run(cloud: PointCloud) -> PointCloud:
        source = given or cloud.crs
        if source is None:
            raise CrsError(
                "filters.reprojection: the points have no reference system; set in_srs or the reader's default_srs",
                "filters.reprojection: 点群に座標参照系がありません。in_srs または default_srs を指定してください。",
            )
        key = source.to_wkt()
        if key not in transformers:
            transformers[key] = _transformer(source, target, cloud)
        x, y = transformers[key].transform(cloud.x, cloud.y)
        is_good = np.isfinite(x) & np.isfinite(y)
        n_bad = int(len(cloud) - np.count_nonzero(is_good))
        if n_bad and (options["error_on_failure"] or not is_good.any()):
            raise CrsError(
                f"filters.reprojection: {n_bad} points lie outside what {source.name} -> {target.name} can transform",
                f"filters.reprojection: {n_bad} 点が {source.name} から {target.name} へ変換できません。",
                value=n_bad,
            )
        report.count("filters.reprojection: points that could not be transformed", n_bad)
        kept = cloud if n_bad == 0 else cloud.take(is_good)
        return replace(kept, x=x[is_good], y=y[is_good], crs=target)

    return run


def _transformer(source: CRS, target: CRS, cloud: PointCloud) -> Transformer:
    """The best operation for the place of the points.

    PROJ falls back on a coarser operation where a grid file is missing, and its own ``only_best`` lets JGD2000 to
    JGD2011 pass without the shift of the 2011 earthquake; so what it could not use is looked at here.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        area = _area(source, cloud)
        group = TransformerGroup(source, target, always_xy=True, area_of_interest=area)  # type: ignore[arg-type]
    reached = group.transformers[0].accuracy if group.transformers else -1.0
    for operation in group.unavailable_operations:
        if operation.accuracy >= 0 and (reached < 0 or operation.accuracy < reached):
            grids = ", ".join(grid.short_name for grid in operation.grids)
            raise CrsError(
                f"filters.reprojection: {source.name} -> {target.name}: the operation accurate to "
                f"{operation.accuracy:g} m needs the grid file {grids}, which PROJ does not have here; install it, or "
                "transform with another program",
                f"filters.reprojection: {source.name} から {target.name} への精度 {operation.accuracy:g} m の変換には"
                f"格子ファイル {grids} が必要ですが、PROJ にありません。導入するか、別の方法で変換してください。",
                value=grids,
            )
    if not group.transformers:
        raise CrsError(
            f"filters.reprojection: PROJ knows no way from {source.name} to {target.name}",
            f"filters.reprojection: {source.name} から {target.name} への変換方法がありません。",
        )
    return group.transformers[0]


def _area(source: CRS, cloud: PointCloud) -> AreaOfInterest | None:
    if len(cloud) == 0 or source.geodetic_crs is None:
        return None
    to_degrees = Transformer.from_crs(source, source.geodetic_crs, always_xy=True)
    b = cloud.bounds
    west, south, east, north = to_degrees.transform_bounds(*b.as_tuple())
    return AreaOfInterest(west, south, east, north) if np.isfinite([west, south, east, north]).all() else None


def python(options: Options, _: Report) -> Filter:
    """``filters.python``: a function of tengun's, called as PDAL calls it."""
    from pipelines.python_stage import call
    from pipelines.stage_arguments import parsed_arguments

    pdalargs = parsed_arguments(options["function"], "filters.python", options["pdalargs"])
    added = options["add_dimension"] or []
    return lambda cloud: call(options["module"], options["function"], cloud, pdalargs, added)
