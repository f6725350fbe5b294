"""Files in and out: LAS/LAZ/COPC, rasters, vectors."""
