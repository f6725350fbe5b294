"""Versioned tables of the forest room: CSV with ``# key: value`` lines on top, each value with source and status."""
