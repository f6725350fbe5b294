"""A user's own PDAL pipeline on uploaded datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from pipelines.process import Context, DatasetInput, OutputFile, Outputs, Parameters, Process
from pipelines.progress import Stage, Text

MEDIA_TYPES = {
    ".laz": "application/vnd.laszip",
    ".las": "application/vnd.las",
    ".tif": "image/tiff; application=geotiff",
    ".tiff": "image/tiff; application=geotiff",
    ".csv": "text/csv",
    ".txt": "text/plain",
    ".xyz": "text/plain",
    ".ply": "application/octet-stream",
}

LOG_CHARACTERS = 4000
"""End of PDAL's log that goes into the summary."""


class PipelineParameters(Parameters):
    """Parameters of ``pdal-pipeline``."""

    document: dict[str, Any] | list[Any] = Field(
        title="Pipeline / パイプライン",
        description='PDAL pipeline (JSON). readers.*: filename = name of a dataset, or "datasets" for all; writers.*: '
        "plain file names / PDAL パイプライン (JSON)。readers の filename はデータセット名 (全てなら datasets)、"
        "writers の filename はフォルダなしの名前",
        examples=[[{"type": "readers.las", "filename": "datasets"}, {"type": "writers.las", "filename": "out.laz"}]],
    )
    options: dict[str, str | float | bool | list[str]] = Field(
        default_factory=dict,
        title="Options / オプション",
        description="Options set by tag: {TAG.OPTION: value} / タグによるオプション指定",
    )
    executor: Literal["auto", "native", "pdal"] = Field(
        "auto",
        title="Executor / 実行エンジン",
        description="native: embedded; pdal: the PDAL program; auto: native where it can / auto は可能なら内蔵エンジン",
    )
    time_limit_s: float = Field(3600, gt=0, le=6 * 3600, title="Time limit / 制限時間", description="Seconds / 秒")
    memory_limit_mb: int = Field(
        8192, ge=256, le=65536, title="Memory limit / メモリ上限", description="MiB of PDAL's process / PDAL の MiB"
    )
    output_limit_mb: int = Field(
        20480, ge=1, le=204800, title="Output limit / 出力上限", description="MiB of all files / 全出力の MiB"
    )


class PdalPipeline(Process[PipelineParameters]):
    """``pdal-pipeline``: runs a document that the user wrote, inside the rules of `pipelines.allow_list`."""

    id = "pdal-pipeline"
    version = "1"
    title = Text("Own PDAL pipeline", "独自 PDAL パイプライン")
    description = Text(
        "Runs a PDAL pipeline that you wrote on uploaded datasets and gives back the files it writes. Stages and "
        "options outside the allow-list are refused before anything is read.",
        "利用者が書いた PDAL パイプラインをアップロード済みデータで実行し、出力ファイルを返します。"
        "許可リストにない工程やオプションは、読み込み前に拒否します。",
    )
    inputs = (DatasetInput("datasets", Text("Datasets", "データセット"), "pointcloud"),)
    stages = (
        Stage("check", Text("Checking the pipeline", "パイプラインの検査"), 1),
        Stage("pipeline", Text("Running the pipeline", "パイプラインの実行"), 19),
    )
    parameters_type = PipelineParameters

    def run(self, inputs: Mapping[str, Sequence[Path]], parameters: PipelineParameters, context: Context) -> Outputs:
        """See `Process.run`; writes what the document writes, and pipeline.json."""
        from pipelines import allow_list, executors
        from pipelines.pdal import Limits
        from pipelines.workspace import write_json

        context.progress.at("check")
        document = allow_list.admit(parameters.document, inputs["datasets"], parameters.options)
        limits = Limits(parameters.time_limit_s, parameters.memory_limit_mb << 20, parameters.output_limit_mb << 20)
        share = 0.0

        def step(done: float | None) -> None:
            nonlocal share
            share = max(share, done or 0.0)
            context.progress.at("pipeline", share)

        ran = executors.run(document, context.workspace, parameters.executor, step, limits)
        names = allow_list.outputs(document)
        summary = {
            "schema": "tengun/pipeline/1",
            "executor": ran.executor,
            "executor_version": ran.version,
            "seconds": ran.seconds,
            "files": [
                {"path": n, "bytes": (context.workspace / n).stat().st_size, "points": ran.points.get(n)} for n in names
            ],
            "lost_points": ran.counts,
            "metadata": ran.metadata,
            "log": ran.log[-LOG_CHARACTERS:],
        }
        write_json(context.workspace / "pipeline.json", summary)
        title = Text("Output of the pipeline", "パイプラインの出力")
        files = [OutputFile(n, MEDIA_TYPES[Path(n).suffix.lower()], title) for n in names]
        context.progress.at("pipeline", 1.0)
        return Outputs(
            summary, (*files, OutputFile("pipeline.json", "application/json", Text("Summary", "結果の要約")))
        )
