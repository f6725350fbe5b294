"""Run a process into an output folder: what the command line and notebooks call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipelines import catalog, cluster, stage_cache
from pipelines.process import Context, Outputs, Parameters, Process
from pipelines.progress import Observer, Progress, ignore
from pipelines.workspace import staged_folder
from pointcloud.errors import ParameterError


def run(
    process_id: str,
    inputs: Mapping[str, Sequence[Path]],
    parameters: Mapping[str, Any],
    folder: Path,
    observer: Observer = ignore,
) -> Outputs:
    """Run a process; its files appear in ``folder`` whole, or not at all.

    Parameters
    ----------
    process_id
        Id in the catalogue.
    inputs
        Input name -> files or folders of tiles.
    parameters
        Values by name, checked here.
    folder
        Output folder, made if needed.
    observer
        Told about progress.

    Returns
    -------
    Outputs
        Summary and files, whose paths are relative to ``folder``.

    Raises
    ------
    TengunError
        With what is wrong and what to do.
    """
    process = catalog.get(process_id)
    checked = check_parameters(process, parameters)
    _check_inputs(process, inputs)
    scheduler, cache = cluster.from_environment(), stage_cache.from_environment()
    with stage_cache.used(cache), cluster.used(scheduler), staged_folder(folder) as stage:
        return process.run(inputs, checked, Context(stage, Progress(process.stages, observer)))


def check_parameters(process: Process[Any], parameters: Mapping[str, Any]) -> Parameters:
    """The process's parameters object.

    Raises
    ------
    ParameterError
        Naming the first parameter that is unknown or out of range, and what is allowed.
    """
    try:
        checked: Parameters = process.parameters_type.model_validate(dict(parameters))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "parameters"
        allowed = ", ".join(process.parameters_type.model_fields)
        raise ParameterError(
            f"{process.id}: {name} = {first['input']!r}: {first['msg']}; parameters are: {allowed}",
            f"{process.id}: パラメータ {name} = {first['input']!r} が不正です ({first['msg']})。使えるもの: {allowed}",
            field=name,
        ) from error
    return checked


def _check_inputs(process: Process[Any], inputs: Mapping[str, Sequence[Path]]) -> None:
    """Refuse inputs that the process does not have, and missing ones that it needs."""
    known = {one.name: one for one in process.inputs}
    wrong = [name for name in inputs if name not in known]
    wrong += [name for name, one in known.items() if one.required and not inputs.get(name)]
    if wrong:
        raise ParameterError(
            f"{process.id}: input '{wrong[0]}' is missing or not known; inputs are: {', '.join(known)}",
            f"{process.id}: 入力 '{wrong[0]}' がないか、定義されていません。入力: {', '.join(known)}",
            field=wrong[0],
        )
