"""Volume between two TINs by intersecting every pair of triangles with shapely."""

from __future__ import annotations

import numpy as np
import shapely
from shapely import Polygon


def plane(corners):
    """Coefficients a, b, c of z = a x + b y + c."""
    return np.linalg.solve(np.column_stack((corners[:, :2], np.ones(3))), corners[:, 2])


def integral_of_positive(piece, coefficients):
    """Integral of max(a x + b y + c, 0) over a polygon: cut off at the zero line, area times value at the centroid."""
    a, b, c = coefficients
    if a == b == 0:
        return max(c, 0.0) * piece.area
    normal = np.array([a, b]) / np.hypot(a, b)
    centre = np.array(piece.centroid.coords[0])
    foot = centre - (a * centre[0] + b * centre[1] + c) / np.hypot(a, b) * normal
    along = np.array([-normal[1], normal[0]])
    far = 1e4
    half = Polygon(
        [foot - far * along, foot + far * along, foot + far * (along + normal), foot + far * (normal - along)]
    )
    part = piece.intersection(half)
    return part.area * (a * part.centroid.x + b * part.centroid.y + c) if part.area else 0.0


def volume(before, after, polygon):
    """Cut, fill and area; taken near the origin, where the planes' coefficients keep their digits."""
    west, south = polygon.bounds[:2]
    polygon = shapely.transform(polygon, lambda xy: xy - (west, south))
    before, after = (type(t)(t.x - west, t.y - south, t.z, t.triangles) for t in (before, after))
    cut = fill = area = 0.0
    for i in before.triangles:
        one = np.column_stack((before.x[i], before.y[i], before.z[i]))
        first = Polygon(one[:, :2]).intersection(polygon)
        if not first.area:
            continue
        for j in after.triangles:
            other = np.column_stack((after.x[j], after.y[j], after.z[j]))
            for piece in shapely.get_parts(first.intersection(Polygon(other[:, :2]))):
                if piece.area:
                    difference = plane(other) - plane(one)
                    fill += integral_of_positive(piece, difference)
                    cut += integral_of_positive(piece, -difference)
                    area += piece.area
    return cut, fill, area
