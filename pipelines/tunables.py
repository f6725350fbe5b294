"""What a user may set in a document: the options of its tagged stages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipelines import stage_arguments
from pipelines.document import Document
from pipelines.stage_options import STAGES, Option


@dataclass(frozen=True, slots=True)
class Tunable:
    """An option of a tagged stage that a user may set, with its value in the document (or PDAL's default)."""

    name: str
    stage: str
    option: Option
    value: Any


def tunables(document: Document) -> Iterator[Tunable]:
    """The options that `Document.with_options` takes, in the order of the document; files are not among them."""
    for stage in document.stages:
        if stage.tag is None:
            continue
        for name, option in STAGES.get(stage.type, {}).items():
            if option.is_tunable:
                yield Tunable(f"{stage.tag}.{name}", stage.type, option, stage.options.get(name, option.default))
        for name, option in stage_arguments.of_stage(stage.type, stage.options).items():
            given = stage_arguments.arguments(stage.options.get("pdalargs"))
            yield Tunable(f"{stage.tag}.{name}", stage.type, option, given.get(name, option.default))
