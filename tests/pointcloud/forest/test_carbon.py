"""CO2 by hand, the published combined factors, fellings, bad stands, and the interval. Costs about two seconds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pointcloud.errors import FileError, NotFoundError, ParameterError
from pointcloud.forest.carbon import CarbonOptions, project
from pointcloud.forest.carbon_claim import Tables, claim
from pointcloud.forest.carbon_table import carbon_table
from pointcloud.forest.growth_tables import example_yield_table, yield_table
from pointcloud.forest.stands import Treatment, Work
from pointcloud.forest.stands_models import species_models
from pointcloud.forest.stands_table import Survey, stand_table
from pointcloud.forest.tables import reading
from pointcloud.forest.uncertainty import assumed_height_error
from pointcloud.grid import Grid, Raster
from tests.oracles.plantations import CRS_8, SOUTH, WEST, rows_of, stand, trees_at

CONSTANTS = carbon_table()
EXAMPLE = example_yield_table(CONSTANTS.name_of)
OPTIONS = CarbonOptions("FO-001 Ver. 6.2", start_year=2025, survey_year=2024)
ERROR = assumed_height_error()

# t-CO2 per m3 of stem to 20 years and after, worked out apart from this package
FACTORS = (
    ("スギ", 1.1523, 0.9028), ("ヒノキ", 1.4864, 1.1891), ("アカマツ", 1.7321, 1.3071), ("カラマツ", 1.4619, 1.1208),
    ("ナラ", 1.9373, 1.7436), ("その他広葉樹", 1.9373, 1.7436), ("ブナ", 2.0077, 1.6773),
)  # fmt: skip


def claimed(stands, trees, options=OPTIONS, yields=EXAMPLE, **more):
    models, _ = species_models(stands, CONSTANTS, trees, None)
    measures = stand_table(trees, stands, Survey(None, None, ERROR), models)
    return claim(stands, measures, Tables(yields, CONSTANTS, yields), options, ERROR, **more)


def test_a_stand_surveyed_in_part_counts_in_part():
    """A canopy model over the western 60 m of a hectare: 0.6 ha count, for growth and for fellings."""
    whole, trees = (
        stand(0, treatments=(Treatment(2015, Work.THINNING), Treatment(2027, Work.SELECTION, 0.05))),
        rows_of(0, 20.0),
    )
    trees = trees.take(trees.x < WEST + 60.0)
    canopy = Raster(np.full((100, 60), 15.0, np.float32), Grid(int(WEST), int(SOUTH), 60, 100, 1.0, CRS_8))
    models, _ = species_models([whole], CONSTANTS, trees, None)
    found = {}
    for name, survey in (("part", canopy), ("unknown", None)):
        measures = stand_table(trees, [whole], Survey(survey, None, ERROR), models)
        found[name] = claim([whole], measures, Tables(EXAMPLE, CONSTANTS, EXAMPLE), OPTIONS, ERROR)
    part, unknown = (found[name].stands[0] for name in ("part", "unknown"))
    np.testing.assert_allclose([part.stand.credited_area_ha, part.stand.whole_area_ha], [0.6, 1.0])
    assert part.site.curve.name == unknown.site.curve.name
    for name in ("absorption", "emission", "net"):
        assert getattr(unknown, name) > 0
        np.testing.assert_allclose(getattr(part, name), 0.6 * getattr(unknown, name), rtol=1e-12)
    np.testing.assert_allclose(found["part"].credit, 0.6 * found["unknown"].credit, rtol=1e-12)
    assert [n.code for n in part.notes if n.code.startswith("partly")] == ["partly-counted"]
    assert [n.code for n in found["unknown"].notes].count("coverage-unknown") == 1
    assert "coverage-unknown" not in [n.code for n in found["part"].notes]


@pytest.mark.parametrize(("species", "young", "old"), FACTORS)
def test_combined_factors(species, young, old):
    constants = CONSTANTS.find(species)
    # four decimals are printed
    np.testing.assert_allclose([constants.factor(20), constants.factor(21)], [young, old], atol=5.1e-5)


def test_a_carbon_fraction_of_one_half():
    # older documents: sugi over 20 years 0.8851, two percent less
    np.testing.assert_allclose(CONSTANTS.find("スギ").factor(40, "0.5"), 0.8851, atol=5.1e-5)
    # a published example of 25-year-old hinoki: 9.6 x 1.56 x 0.407 x 0.5 x 44/12 = 11.17 with BEF (1 + R) rounded
    np.testing.assert_allclose(9.6 * CONSTANTS.find("桧").factor(25, "0.5"), 11.17, rtol=3e-3)


def test_the_850_tons_of_kazaki():
    """850 t-CO2 a year are 715 m3 of hinoki or 942 m3 of sugi, and so many hectares at 3, 5, 7, 9 m3/ha/yr."""
    hinoki, sugi = (850.0 / CONSTANTS.find(s).factor(40) for s in ("ヒノキ", "スギ"))
    np.testing.assert_array_equal(np.round([hinoki, sugi]), [715, 942])
    rates = np.array([3.0, 5.0, 7.0, 9.0])
    np.testing.assert_array_equal(np.round(hinoki / rates), [238, 143, 102, 79])
    np.testing.assert_array_equal(np.round(sugi / rates), [314, 188, 135, 105])


def test_every_constant_is_marked_unconfirmed():
    assert len(CONSTANTS.rows) == 40
    assert {c.status for c in CONSTANTS.rows} == {"unconfirmed"}
    assert all(c.source for c in CONSTANTS.rows)


def test_a_stand_by_hand():
    """Sugi of class 3 (18 m at 40 years), 1 ha, 44 years old in 2024: from 45 to 50 the table adds 33.8 m3."""
    result = claimed([stand(0)], rows_of(0, 19.5))
    (item,) = result.stands
    assert item.site.curve.name == "3"
    np.testing.assert_allclose(item.site.lower, 18.0 + 4 / 5 * (19.1 - 18.0), rtol=1e-12)
    np.testing.assert_allclose(item.site.index, 19.5 * 18.0 / 18.88, rtol=1e-12)
    first = item.years[0]
    assert (first.year, first.age, first.bef) == (2025, 45, 1.23)
    np.testing.assert_allclose(first.growth, (428.9 - 395.1) / 5, rtol=1e-12)
    expected = (428.9 - 395.1) / 5 * 1.23 * 1.25 * 0.314 * 0.51 * 44 / 12
    np.testing.assert_allclose(first.absorption, expected, rtol=1e-12)
    np.testing.assert_allclose(result.years[0].credit, 0.97 * expected, rtol=1e-12)
    # five years at that rate, three at the next step's
    later = (457.4 - 428.9) / 5 * CONSTANTS.find("スギ").factor(50)
    np.testing.assert_allclose(item.absorption, 5 * expected + 3 * later, rtol=1e-12)
    assert result.years[0].whole == int(0.97 * expected)


def test_the_expansion_factor_changes_after_twenty_years():
    (item,) = claimed([stand(0, planted=2008)], rows_of(0, 12.0)).stands
    assert [(y.age, y.bef) for y in item.years][:4] == [(18, 1.57), (19, 1.57), (20, 1.57), (21, 1.23)]


def test_between_two_classes_the_lower_counts():
    found = [claimed([stand(0)], rows_of(0, h)).stands[0].site.curve.name for h in (18.88, 18.87, 22.1, 30.0)]
    assert found == ["3", "4", "2", "1"]


def test_a_felling_is_an_emission_and_replanting_gives_part_of_it_back():
    works = (Treatment(2015, Work.THINNING), Treatment(2027, Work.CLEAR_CUT, 0.5), Treatment(2028, Work.PLANTING))
    cut = stand(0, treatments=works)
    curve = EXAMPLE.of("スギ")[2]
    factor = CONSTANTS.find("スギ").factor(47)
    rows = project(cut, curve, CONSTANTS.find("スギ"), OPTIONS)
    np.testing.assert_allclose(rows[2].emission, 0.5 * curve.volume_at(47) * factor, rtol=1e-12)
    np.testing.assert_allclose([r.standing for r in rows], [1, 1, *[0.5] * 6])
    assert [r.emission > 0 for r in rows] == [False, False, True, *[False] * 5]
    assert sum(r.replanting for r in rows) == 0.0  # no standard felling age is stated
    options = dataclasses.replace(OPTIONS, rotation_ages={"スギ": 40})
    claimed_back = project(cut, curve, CONSTANTS.find("スギ"), options)[3].replanting
    np.testing.assert_allclose(claimed_back, 0.5 * curve.volume_at(40) * factor, rtol=1e-12)
    options = dataclasses.replace(OPTIONS, rotation_ages={"スギ": 80})
    assert project(cut, curve, CONSTANTS.find("スギ"), options)[3].replanting == rows[2].emission  # never more


def test_thinning_is_booked_only_when_wanted():
    thinned = stand(0, treatments=(Treatment(2026, Work.THINNING, 0.3),))
    curve, sugi = EXAMPLE.of("スギ")[2], CONSTANTS.find("スギ")
    assert sum(r.emission for r in project(thinned, curve, sugi, OPTIONS)) == 0.0
    booked = project(thinned, curve, sugi, dataclasses.replace(OPTIONS, thinning="as-felling"))
    np.testing.assert_allclose(booked[1].emission, 0.3 * curve.volume_at(46) * sugi.factor(46), rtol=1e-12)


def test_bad_stands_say_why_and_the_others_are_reckoned():
    stands = [
        stand(0), stand(1, species="バナナ"), stand(2, species="カラマツ"), stand(3, planted=1900), stand(4),
        stand(5), stand(6), stand(7, treatments=()), stand(8, treatments=(Treatment(2020, Work.CLEAR_CUT),)),
        stand(9, planted=None),
    ]  # fmt: skip
    heights = {0: 19.5, 1: 19.5, 2: 19.5, 3: 24.0, 5: 64.0, 6: 5.0, 7: 19.5, 8: 19.5, 9: 19.5}
    heights[5] *= 3.28084  # metres taken for feet
    parts = [rows_of(c, h) for c, h in heights.items()]
    x, y, height = (np.concatenate([getattr(p, n) for p in parts]) for n in ("x", "y", "height"))
    result = claimed(stands, trees_at(x, y, height))
    found = {s.stand.id: (str(s.status), s.notes[0].code if s.notes else "") for s in result.stands}
    assert found == {
        "0": ("credited", ""), "1": ("refused", "no-constants"), "2": ("refused", "not-in-yield-table"),
        "3": ("refused", "not-in-yield-table"), "4": ("refused", "empty-stand"), "5": ("refused", "too-tall"),
        "6": ("refused", "not-in-yield-table"), "7": ("excluded", "no-treatment"), "8": ("refused", "felled-before"),
        "9": ("refused", "not-in-yield-table"),
    }  # fmt: skip
    for item in result.stands:
        assert all(n.en and n.ja for n in item.notes)
    alone = claimed([stand(0)], rows_of(0, 19.5))
    np.testing.assert_allclose(result.credit, alone.credit, rtol=1e-12)
    np.testing.assert_allclose(result.as_dict()["total"]["area_ha"], 1.0, rtol=1e-9)
    assert {"yield-example", "constants-unconfirmed"} <= {n.code for n in result.notes}


def test_the_interval_holds_the_credit_and_is_repeatable():
    stands = [stand(i) for i in range(4)]
    parts = [rows_of(i, 19.2 + 0.5 * i) for i in range(4)]
    x, y, height = (np.concatenate([getattr(p, n) for p in parts]) for n in ("x", "y", "height"))
    trees = trees_at(x, y, height)
    first, again, other = (claimed(stands, trees, seed=s) for s in (1, 1, 2))
    assert first.ci95 == again.ci95
    assert first.conservative == first.ci95[0] < first.credit <= first.ci95[1] * (1 + 1e-12)
    # 2,000 draws: the ends of two runs agree within a few percent
    np.testing.assert_allclose(first.ci95, other.ci95, rtol=0.05)
    exact = claim(
        stands, [s.measure for s in first.stands], Tables(EXAMPLE, CONSTANTS, EXAMPLE), OPTIONS,
        dataclasses.replace(ERROR, survey_sd=0.0, tree_sd=0.0, ground_sd=0.0),
    )  # fmt: skip
    np.testing.assert_allclose(exact.ci95, exact.credit, rtol=1e-9)
    found = [[n.code for n in one.notes].count("interval-without-width") for one in (first, exact)]
    assert first.ci95[0] < first.ci95[1]
    assert found == [0, 1]


def test_the_interval_is_that_of_a_step_by_hand():
    """One stand right on the border of classes 3 and 4: half of the draws fall on each side."""
    (item,) = claimed([stand(0)], rows_of(0, 18.88)).stands
    sugi = CONSTANTS.find("スギ")
    on = [sum(y.net for y in project(item.stand, EXAMPLE.of("スギ")[k], sugi, OPTIONS)) for k in (3, 2)]
    np.testing.assert_allclose(item.ci95, on, rtol=1e-12)


def test_options_that_cannot_be_are_refused():
    for wrong in ({"period": 10}, {"buffer_percent": -1.0}, {"rotation_ages": {"スギ": 3}}):
        with pytest.raises(ParameterError):
            dataclasses.replace(OPTIONS, **wrong)
    with pytest.raises(ParameterError, match="99 draws"):
        claimed([stand(0)], rows_of(0, 19.5), n_draws=99)


def test_sixteen_years():
    result = claimed([stand(0)], rows_of(0, 19.5), dataclasses.replace(OPTIONS, period=16, buffer_percent=10.0))
    assert [y.year for y in result.years] == list(range(2025, 2041))
    np.testing.assert_allclose(result.credit, 0.9 * result.stands[0].absorption, rtol=1e-12)


def test_own_constants_and_what_they_must_be():
    head = "# version: 2026-1\n# status: confirmed\n"
    columns = "species,aliases,bef_young,bef_old,root_ratio,wood_density,carbon_fraction\n"
    good = reading.parse(f"{head}{columns}スギ,杉,1.57,1.23,0.25,0.314,0.51\n".encode(), "own.csv")
    assert (good.version, good.status) == ("2026-1", "confirmed")
    with pytest.raises(NotFoundError, match=r"none for species 'バナナ'.*スギ"):
        CONSTANTS.find("バナナ")


def test_broken_tables_name_their_line(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text(
        "species,bef_young,bef_old,root_ratio,wood_density,carbon_fraction\nスギ,1.57,0,0.25,0.3,0.5\n", "utf-8"
    )
    with pytest.raises(FileError, match=r"line 2, bef_old: 0\.0"):
        carbon_table(path)
    rows = {
        "スギ,1,10,5,1\nスギ,1,10,6,2": "line 3.*ages ascend", "スギ,1,10,5,1\nスギ,1,15,4,2": "line 3.*do not shrink",
        "スギ,1,10,5,1\nスギ,1,15,x,2": "line 3, column height.*'x'", "スギ,1,0,5,1": "line 2.*age 0",
        "スギ,1,10,5,1\nスギ,1,20,9,3\nスギ,2,10,5,1\nスギ,2,20,8,2": "cross or touch at 10",
        "スギ,1,10,5,-1": "line 2.*negative", "スギ,1,10,5,1\nスギ,1,15,6,": "line 3.*some rows only",
    }  # fmt: skip
    for body, said in rows.items():
        with pytest.raises(FileError, match=said):
            yield_table(
                reading.parse(f"species,class,age,height,volume\n{body}\n".encode(), "y.csv"), CONSTANTS.name_of
            )
    with pytest.raises(FileError, match="no column height_m"):
        yield_table(reading.parse("樹種,地位,林齢\nスギ,1,10\n".encode("cp932"), "y.csv"), CONSTANTS.name_of)


def test_the_example_yield_table_is_marked_and_plausible():
    """Class 3 has the greatest mean annual increments that Yoshida & Matsushita (1999) report for western Japan."""
    assert EXAMPLE.is_example
    assert "NOT Shizuoka" in EXAMPLE.table.source
    for species, expected in (("スギ", 8.9), ("ヒノキ", 6.4)):
        middle = EXAMPLE.of(species)[2]
        np.testing.assert_allclose((middle.volume / middle.age).max(), expected, atol=0.05)  # at the table's ages
    assert [c.height_at(40) for c in EXAMPLE.of("スギ")] == [24.0, 21.0, 18.0, 15.0, 12.0]
