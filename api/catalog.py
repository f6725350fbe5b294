"""The processes that the service offers, from the place that the settings name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from pipelines.process import Process
from pointcloud.errors import NotFoundError

Catalog = Mapping[str, Process[Any]]


def load_catalog(place: str) -> Catalog:
    """The mapping of processes at ``module:name``."""
    module, _, name = place.partition(":")
    catalog: Catalog = getattr(importlib.import_module(module), name)
    return catalog


def process_in(catalog: Catalog, process_id: str) -> Process[Any]:
    """The process of that id.

    Raises
    ------
    NotFoundError
        When there is none; the message lists those that exist.
    """
    if process_id not in catalog:
        known = ", ".join(catalog)
        raise NotFoundError(
            f"no process '{process_id}'; there are: {known}",
            f"処理 '{process_id}' はありません。利用できる処理: {known}",
            resource="process",
            value=process_id,
        )
    return catalog[process_id]
