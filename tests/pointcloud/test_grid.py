"""Grids fit each other whatever their extents; rasters are windows of one another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from pointcloud.bounds import Bounds
from pointcloud.errors import CrsError, ParameterError
from pointcloud.grid import MAX_CELLS, Grid, Raster

PLACE = st.floats(-90_000.0, 90_000.0)
EXTENT = st.floats(0.0, 300.0)


@settings(max_examples=100, deadline=None)
@given(PLACE, PLACE, EXTENT, EXTENT, st.sampled_from([0.1, 0.25, 0.3, 0.5, 1.0, 7.0]))
def test_covering_holds_the_corners_and_nothing_more(x: float, y: float, dx: float, dy: float, cell: float) -> None:
    bounds = Bounds(x, y, x + dx, y + dy)
    grid = Grid.covering(bounds, cell)
    rows, columns = grid.cells_of(np.array([x, bounds.x_max]), np.array([y, bounds.y_max]))
    assert columns.tolist() == [0, grid.n_columns - 1]
    assert rows.tolist() == [grid.n_rows - 1, 0]


def test_cells_by_hand() -> None:
    grid = Grid.covering(Bounds(10.0, 20.0, 11.2, 20.9), 0.5)
    assert (grid.column, grid.south_row, grid.shape) == (20, 40, (2, 3))
    assert grid.bounds == Bounds(10.0, 20.0, 11.5, 21.0)
    assert grid.transform == (0.5, 0.0, 10.0, 0.0, -0.5, 21.0)
    assert grid.cell_area == 0.25
    # a point on an edge belongs to the cell east and north of it
    rows, columns = grid.cells_of(np.array([10.5, 10.0, 9.9]), np.array([20.5, 20.0, 21.0]))
    assert (rows.tolist(), columns.tolist()) == ([0, 1, -1], [1, 0, -1])
    x, y = grid.centres()
    assert (x.tolist(), y.tolist()) == ([10.25, 10.75, 11.25], [20.75, 20.25])


def test_intersection_is_a_window_of_both() -> None:
    crs = CRS.from_epsg(6676)
    one, other = Grid(0, 0, 10, 8, 0.5, crs), Grid(6, -3, 10, 8, 0.5)
    common = one.intersection(other)
    assert common == Grid(6, 0, 4, 5, 0.5, crs)
    assert common == other.intersection(one)
    values = np.arange(80.0).reshape(8, 10)
    window = Raster(values, one).window(common)
    # the five southern rows, the four eastern columns
    np.testing.assert_array_equal(window.values, values[3:, 6:])
    assert one.intersection(Grid(10, 0, 3, 3, 0.5)) is None


def test_intersection_refuses_other_cells_and_other_systems() -> None:
    grid = Grid(0, 0, 4, 4, 0.5, CRS.from_epsg(6676))
    with pytest.raises(ParameterError, match=r"0\.5 m and 1\.0 m"):
        grid.intersection(Grid(0, 0, 4, 4, 1.0))
    with pytest.raises(CrsError, match="6677"):
        grid.intersection(Grid(0, 0, 4, 4, 0.5, CRS.from_epsg(6677)))


@pytest.mark.parametrize("cell", [0.0, -1.0, float("nan"), float("inf")])
def test_cell_size_is_positive(cell: float) -> None:
    with pytest.raises(ParameterError, match="cell"):
        Grid.covering(Bounds(0.0, 0.0, 1.0, 1.0), cell)


def test_size_has_a_limit() -> None:
    with pytest.raises(ParameterError, match=str(MAX_CELLS)):
        Grid.covering(Bounds(0.0, 0.0, 1e6, 1e6), 0.5)


def test_raster_has_the_shape_of_its_grid() -> None:
    with pytest.raises(ParameterError, match="shape"):
        Raster(np.zeros((2, 3)), Grid(0, 0, 2, 3, 1.0))


def test_rasters_compare_as_objects() -> None:
    grid = Grid(0, 0, 2, 2, 1.0)
    one, other = Raster(np.zeros((2, 2)), grid), Raster(np.zeros((2, 2)), grid)
    assert one == one
    assert one != other
