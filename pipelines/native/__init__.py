"""The embedded executor: PDAL's stages on laspy, SciPy and Numba, to PDAL's documented meaning."""
