"""Cut, fill and net volume between any number of surveys of one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipelines.process import Context, DatasetInput, Outputs, Process
from pipelines.processes.volume_epochs_parameters import EpochsParameters
from pipelines.progress import Stage, Text

__all__ = ["EpochsParameters", "VolumeEpochs"]


class VolumeEpochs(Process[EpochsParameters]):
    """``volume-epochs``: pairs, cumulative series and the ledger of a fill, from two surveys up."""

    id = "volume-epochs"
    version = "1"
    title = Text("Volume change over many surveys", "多時期の土量変化")
    description = Text(
        "Volumes with 95 % intervals between any number of dated surveys: neighbours, each since the first, whether "
        "the steps add up, and what was placed, moved and is left of a fill.",
        "日付のある任意の数の点群から、隣り合う時期・最初からの累計の土量を 95 % 区間とともに求め、合計の整合を確認し、"
        "盛土の搬入・流出・残存量を集計します。",
    )
    inputs = (
        DatasetInput("surveys", Text("Surveys, one for each epoch", "各時期の点群"), "pointcloud"),
        DatasetInput("zones", Text("Zones (polygons)", "集計区域 (ポリゴン)"), "polygons", required=False, many=False),
        DatasetInput("height_grid", Text("Height correction (PatchJGD .par)", "標高補正パラメータ (PatchJGD .par)"),
                     "heights", required=False, many=False),
    )  # fmt: skip
    stages = (
        Stage("open", Text("Checking the inputs", "入力の確認"), 1),
        Stage(
            "surveys", Text("Ground, terrain and alignment of each survey", "各時期の地盤分類・地形・位置合わせ"), 10
        ),
        Stage("pairs", Text("Differences, volumes, intervals", "差分・土量・信頼区間"), 6),
        Stage("write", Text("Report, tables, archive", "報告書・表の出力"), 2),
    )
    parameters_type = EpochsParameters

    def run(self, inputs: Mapping[str, Sequence[Path]], parameters: EpochsParameters, context: Context) -> Outputs:
        """See `Process.run`; `pipelines.processes.volume_epochs_outputs` lists the files."""
        from pipelines.processes.volume_epochs_outputs import PairFiles, write_outputs
        from pipelines.processes.volume_epochs_steps import (
            close,
            compare_pairs,
            ledger_of,
            open_epochs,
            pair_record,
            summarise,
            surfaces_of,
            wanted_pairs,
        )

        context.progress.at("open")
        given = open_epochs(inputs, parameters)
        epochs = surfaces_of(given, parameters, context.progress.within("surveys"))
        pairs = wanted_pairs(list(epochs), parameters)
        ledger = ledger_of(epochs, given, parameters)
        files = PairFiles(context.workspace, epochs)
        records = []
        for i, (names, compared) in enumerate(compare_pairs(pairs, epochs, given.zones)):
            records.append(pair_record(names, compared))
            if ledger is not None:
                ledger.add(names, compared)
            files.write(names, compared)
            context.progress.at("pairs", (i + 1) / len(pairs))
        context.progress.at("write")
        fill = None if ledger is None else ledger.as_dict()
        summary = summarise(given, epochs, records, close(epochs), fill, parameters)
        return Outputs(summary, write_outputs(context.workspace, epochs, files, summary))
