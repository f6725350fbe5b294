"""How far each step of the ground filter looks, in cells; together they make the halo of a tile."""

from __future__ import annotations

COARSEST = 8
"""Node spacing of the first level in cells; working grids are aligned to it."""
LOW_REACH = 10
"""Cells around a lowest point in which others must support it."""
LOW_ROUNDS = 2
"""Outliers that are removed one above the other in the same cell."""
HIGH_BLOCK = 4
"""Cells across a block of the test for high outliers, a power of two."""
NEAR_REACH = 8
"""Cells up to which an empty cell takes part as its nearest lowest point."""
SPREAD = 30
"""Cells that restored ground may lie from accepted ground."""
DECK_EDGE = 4
"""Cells around a deck from which what joins it belongs to it."""
PIT_WIDTH = 3
"""Cells of the window that closes pits."""
ISLAND_EXTENT = 60
"""Cells up to which a region is tested for being an island."""
RESTORED_POINTS = 10
"""Least number of points, in their mean area, of a region that is restored."""
BLOCK_POINTS = 55.0
"""Points in a block of the first round where the fine surface follows, which climbs back ..."""
SPARSE_BLOCK_POINTS = 40.0
"""... and where it does not."""
LARGEST_BLOCK = 6.0
"""Metres across the largest block. Where so many points need more, wide blocks would cut the relief: there the block
shrinks again, as 36 m2 / its width, and vegetation is left to the finer rounds."""
REACH = 10
"""Cells without a key point at which the confidence has reached zero."""
KEY_REACH = 3
"""Blocks around a block in which others must support its lowest point."""
ROUGHNESS_REACH = 4
"""Half width of the window of the roughness."""
DETAIL_SPACING = 0.9
"""Points lie at most so many cells apart where the fine surface is fitted: then a window has ten points or more."""
DETAIL_ROUNDS = 4
"""Rounds of its fit, the first over bare faces; each looks two cells further."""
CLEAN_REACH = 2
"""Cells from a point to a clean plane beyond its own window."""
NOISE_REACH = 2
"""Half width of the window of the ground's noise."""
THIN, THIN_FITS = 0.4, 3
"""Where points lie more than so many cells apart the survey is thin: the surface is fitted so many times."""
DETAIL_REACH = THIN_FITS * (2 * DETAIL_ROUNDS + 2) + CLEAN_REACH + NOISE_REACH + 2
"""All of it, with the corners and slopes between the fits and the two windows of shares."""
