"""The XLSX of a claim: worked out anew from its own formulas it says what the claim says. Costs about three seconds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pointcloud.drawing.forest_sheet import write_claim
from pointcloud.forest.stands_table import UpperLayer
from tests.oracles.claims import claim_of_six
from tests.oracles.spreadsheets import Workbook


@pytest.fixture(scope="module")
def made():
    return claim_of_six()


@pytest.fixture(scope="module")
def book(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("claim") / "carbon.xlsx"
    write_claim(path, made, UpperLayer.DOMINANT, [("点群 survey", "a.laz  SHA-256 00")])
    return Workbook(path)


def test_every_stored_value_is_what_its_formula_gives(book):
    n = 0
    for sheet, place, stored in book.formulas():
        found = book.value(sheet, place)
        if isinstance(found, str):
            assert found == stored
        else:
            # sums in another order
            np.testing.assert_allclose(found, stored, rtol=1e-9, atol=1e-9, err_msg=f"{sheet}!{place}")
        n += 1
    assert n > 5 * 8 * 12  # five stands with figures, eight years, a dozen formulas each


def test_worked_out_anew_it_gives_the_claim(book, made):
    totals = [book.value("年度計", f"{c}14") for c in "BCDEFG"]
    names = ("absorption", "emission", "replanting", "buffer", "credit", "whole")
    np.testing.assert_allclose(totals, [sum(getattr(y, n) for y in made.years) for n in names], rtol=1e-9)
    for i, item in enumerate(made.stands[:5]):
        np.testing.assert_allclose(book.value("算定表", f"Z{7 + i}"), item.net, rtol=1e-9)
    np.testing.assert_allclose(book.value("算定表", "AB13"), made.credit, rtol=1e-9)
    np.testing.assert_allclose(book.value("算定表", "F13"), 1.0 + 1.0 + 1.0 + 0.9)


def test_a_changed_constant_changes_the_result(made, tmp_path):
    """The formulas are alive: the sheet with sugi's wood density changed gives what a claim with it gives."""
    write_claim(tmp_path / "c.xlsx", made, UpperLayer.DOMINANT, [])
    book = Workbook(tmp_path / "c.xlsx")
    sheet = book.book["係数"]
    row = next(r for r in range(16, 30) if sheet[f"A{r}"].value == "スギ")
    sheet[f"F{row}"].value = 2 * 0.314
    np.testing.assert_allclose(book.value("算定表", "Z7"), 2 * made.stands[0].net, rtol=1e-9)
    sheet["B7"].value = 0.1
    np.testing.assert_allclose(book.value("算定表", "AA7"), 0.2 * made.stands[0].absorption, rtol=1e-9)


def test_the_area_of_a_stand_surveyed_in_part_is_a_formula(made, tmp_path):
    """A verifier sees the whole area and the share that counts."""
    part = dataclasses.replace(made.stands[0], stand=dataclasses.replace(made.stands[0].stand, surveyed=0.6))
    write_claim(tmp_path / "p.xlsx", dataclasses.replace(made, stands=(part, *made.stands[1:])), UpperLayer.ALL, [])
    book = Workbook(tmp_path / "p.xlsx")
    assert book.book["算定表"]["F7"].value == "=1.0*0.6"
    np.testing.assert_allclose(book.value("算定表", "F7"), 0.6)
    # what depends on the area follows
    np.testing.assert_allclose(book.value("算定表", "W7"), 0.6 * made.stands[0].absorption, rtol=1e-9)


def test_unconfirmed_values_are_marked_on_the_sheet(book):
    sheet = book.book["係数"]
    for row in (16, 17):
        assert sheet[f"J{row}"].value == "未確認 unconfirmed"
        assert sheet[f"C{row}"].fill.fgColor.rgb == "FFFCE4CC"
    assert "例 example" in book.book["収穫表"]["A2"].value
    assert "未確認" in book.book["算定表"]["A3"].value
    assert "申請に使えません" in book.book["算定表"]["A3"].value
    versions = {row[0].value: (row[1].value, row[2].value) for row in book.book["版"].iter_rows(min_row=4)}
    assert versions["方法論 methodology"][0] == "FO-001 Ver. 6.2"
    assert versions["計算規則 rule: felling"][1] == "未確認 unconfirmed"
    assert "NIR-recalled-1" in versions["表 table: carbon_constants.csv"][0]


def test_refused_and_excluded_stands_stay_listed(book):
    sheet = book.book["算定表"]
    assert [sheet[f"C{r}"].value for r in range(7, 13)] == ["対象"] * 4 + ["対象外", "算定不可"]
    assert "バナナ" in sheet["AF12"].value
    assert sheet["Z12"].value is None


def test_the_same_claim_gives_the_same_bytes(made, tmp_path):
    for name in ("a.xlsx", "b.xlsx"):
        write_claim(tmp_path / name, made, UpperLayer.ALL, [])
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_a_claim_without_a_single_figure(made, tmp_path):
    empty = dataclasses.replace(made, stands=made.stands[5:], years=())
    write_claim(tmp_path / "e.xlsx", empty, UpperLayer.ALL, [])
    assert Workbook(tmp_path / "e.xlsx").value("算定表", "AB8") == 0.0
