"""PDF reports and CSV tables of a claim. Costs about eight seconds: pictures are drawn once."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from pypdf import PdfReader

from pointcloud.drawing.forest_csv import stand_rows, year_rows
from pointcloud.drawing.forest_report import write_forest_reports
from pointcloud.drawing.text_tables import write_csv
from pointcloud.forest.stands_table import UpperLayer
from tests.oracles.claims import claim_of_six


@pytest.fixture(scope="module")
def made():
    return claim_of_six()


@pytest.fixture(scope="module")
def pages(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    paths = {"ja": folder / "ja.pdf", "en": folder / "en.pdf"}
    write_forest_reports(paths, made, UpperLayer.DOMINANT, [("Trees", "trees.gpkg #import <x>")])
    return {k: "\n".join(page.extract_text() for page in PdfReader(p).pages) for k, p in paths.items()}


def test_each_language_has_the_figures_and_the_warnings(made, pages):
    credit = f"{made.credit:,.1f}"
    for language, words in {
        "en": ("EXAMPLE", "UNCONFIRMED", "not for credit", "Conservative (lower end)", "Source read?"),
        "ja": (
            "申請に使うことはできません",
            "未確認",
            "クレジットには使えません",
            "保守的な値",
            "地位級の間では下位の級",
        ),
    }.items():
        text = pages[language].replace("\n", "")
        assert credit in text
        assert [w for w in words if w.replace(" ", "") not in text.replace(" ", "")] == []


def test_what_a_user_wrote_is_text_not_markup(pages):
    assert "#import" in pages["en"]
    assert "バナナ" in pages["ja"]


def test_tables_hold_every_stand_and_year(made, tmp_path):
    stands, years = stand_rows(made), year_rows(made)
    assert [len(row) for row in stands] == [len(stands[0])] * 7
    assert len(years) == 1 + 5 * 8
    assert write_csv(tmp_path / "s.csv", stands, "cp932") == ()
    with (tmp_path / "s.csv").open(encoding="cp932", newline="") as stream:
        rows = list(csv.DictReader(stream))
    np.testing.assert_allclose(
        [float(r["純吸収(tCO2)"]) for r in rows[:5]],
        [s.net for s in made.stands[:5]],
        rtol=0,
        atol=0.0005,  # rounded
    )
    figures = [text for r in rows for name, text in r.items() if name.endswith((")", "率")) and text[:1].isdigit()]
    assert max(len(text.partition(".")[2]) for text in figures) <= 4, "a figure of a table has noise behind it"
    assert (rows[5]["判定"], rows[5]["純吸収(tCO2)"]) == ("算定不可", "")
    total = float(sum(r[-1] for r in years[1:]))
    np.testing.assert_allclose(total, sum(s.net for s in made.stands), rtol=0, atol=40 * 0.0005)  # 40 rounded figures
