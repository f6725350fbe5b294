"""Parts of a volume's papers by themselves: trucks, heights of rows, places of texts. Under a second."""

from __future__ import annotations

import ezdxf
import numpy as np
import openpyxl
import pytest
from shapely import box

from pointcloud.drawing.soil_table import soil_table
from pointcloud.drawing.volume_drawing import Outline, write_volume_drawing
from pointcloud.drawing.workbook import FIRST_ROW, Column, TableSheet, add_sheet, open_book
from pointcloud.grid import Grid, Raster


@pytest.mark.parametrize(
    ("bank", "trucks"), [(0.0, "0"), (0.4, "0"), (1.0, "1"), (10.0, "2"), (10.4, "2"), (11.0, "3")]
)
def test_trucks_are_whole_and_plain(bank, trucks):
    soil = {"class": {"loose": 1.0, "compacted": 0.9}, "truck_m3": 5.0,
            "volumes": [{"zone": None, "kind": "cut", "bank_m3": bank}]}  # fmt: skip
    assert f"{soil_table(soil)[0].trucks:,}" == trucks


def test_rows_of_long_texts_are_as_high_as_their_lines(tmp_path):
    table = TableSheet("a", "題", [Column("見出しの長い列", 8), Column("b", 20)], [["短", "x" * 20], ["短", "長" * 25]])
    with open_book(tmp_path / "a.xlsx", "題") as book:
        add_sheet(book, table)
    heights = openpyxl.load_workbook(tmp_path / "a.xlsx")["a"].row_dimensions
    assert heights[FIRST_ROW - 1].height == 2 * 12 + 3
    assert heights[FIRST_ROW].height is None
    assert heights[FIRST_ROW + 1].height == 3 * 12 + 3


def test_texts_of_a_zone_and_its_patch_stand_apart(tmp_path):
    flat = Raster(np.zeros((40, 40)), Grid(0, 0, 40, 40, 1.0))
    outlines = [
        Outline("zone", "zone\ncut\nfill", box(5, 5, 35, 30)),
        Outline("source", "S1\n9 m3", box(10, 10, 30, 25)),
    ]
    write_volume_drawing(tmp_path / "a.dxf", outlines, flat, flat, flat)
    texts = ezdxf.readfile(tmp_path / "a.dxf").modelspace().query("TEXT")
    north = sorted(text.dxf.insert.y for text in texts)
    assert len(north) == 5
    assert np.diff(north).min() >= 1.5 * texts.first.dxf.height
    assert north[2] > 30.0
