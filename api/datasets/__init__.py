"""Uploaded files: names, reception, inspection, records."""
