"""Writers of pictures and drawings; no numbers are made here."""
