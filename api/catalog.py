"""The processes that the service offers, from the place that the settings name."""

from __future__ import annotations

import importlib

from pipelines.process import Catalog


def load_catalog(place: str) -> Catalog:
    """The mapping of processes at ``module:name``."""
    module, _, name = place.partition(":")
    catalog: Catalog = getattr(importlib.import_module(module), name)
    return catalog
