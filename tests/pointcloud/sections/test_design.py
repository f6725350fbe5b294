"""Design surfaces from LandXML and DXF."""

from __future__ import annotations

import ezdxf
import numpy as np
import pytest

from pointcloud.errors import FileError, GeometryError
from pointcloud.sections.design import read_design

SURFACE = """<Surface name="{name}"><Definition surfType="TIN"><Pnts>
<P id="1">0 0 1</P><P id="2">0 10 2</P><P id="4">10 10 2</P><P id="7">10 0 1</P></Pnts>
<Faces><F>1 2 4</F><F>1 4 7</F><F i="1">1 2 7</F></Faces></Definition></Surface>"""


def landxml(*surfaces):
    text = "".join(surfaces)
    return f'<LandXML xmlns="http://www.landxml.org/schema/LandXML-1.2"><Surfaces>{text}</Surfaces></LandXML>'


def test_landxml_tin_is_north_east_height(tmp_path):
    path = tmp_path / "design.xml"
    path.write_text(landxml(SURFACE.format(name="計画")), "utf-8")
    surface = read_design(path)
    np.testing.assert_allclose(surface.height_at(5.0, 3.0), 1.5)
    assert len(surface.tin.triangles) == 2, "the invisible face is left out"


def test_dxf_faces_of_four_corners(tmp_path):
    drawing = ezdxf.new("R2000", units=6)
    drawing.modelspace().add_3dface([(0, 0, 1), (10, 0, 2), (10, 10, 2), (0, 10, 1)])
    drawing.saveas(tmp_path / "design.dxf")
    surface = read_design(tmp_path / "design.dxf")
    np.testing.assert_allclose(surface.height_at(5.0, 3.0), 1.5)
    assert len(surface.tin.triangles) == 2


def test_refused(tmp_path):
    path = tmp_path / "design.xml"
    with pytest.raises(FileError):
        read_design(path)
    path.write_text(landxml())
    with pytest.raises(GeometryError, match="no triangle"):
        read_design(path)
    path.write_text(landxml(SURFACE.format(name="a"), SURFACE.format(name="b")))
    with pytest.raises(GeometryError, match="2 surfaces"):
        read_design(path)
    path.write_text(landxml(SURFACE.replace("1 4 7", "1 4 9").format(name="a")))
    with pytest.raises(FileError, match="point '9'"):
        read_design(path)
