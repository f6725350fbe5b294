"""土量変化率 by hand. Under a second."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from pointcloud.change.swell import State, Swell, in_all_states, soil_class, soil_classes
from pointcloud.errors import ParameterError


def test_table_is_whole_and_says_where_it_comes_from():
    classes = soil_classes()
    assert len(classes) == 13
    for soil in classes.values():
        assert 1.2 <= soil.loose <= 1.65
        assert 0.9 <= soil.compacted <= 1.4
        assert soil.loose > soil.compacted
        assert soil.source
        assert soil.status
    assert (soil_class("clayey").loose, soil_class("clayey").compacted) == (1.30, 0.90)
    assert (soil_class("hard_rock_1").loose, soil_class("hard_rock_1").compacted) == (1.65, 1.40)


def test_three_states():
    soil = soil_class("sandy")
    from_bank = in_all_states(1000.0, soil)
    np.testing.assert_allclose([from_bank.loose_m3, from_bank.compacted_m3], [1200, 900])
    # how much to dig for 1000 m3 of embankment: 1 / C = 1.11, and L / C = 1.33 of it loose
    needed = in_all_states(1000.0, soil, State.COMPACTED)
    np.testing.assert_allclose([needed.bank_m3, needed.loose_m3], [1111.11, 1333.33], atol=0.01)
    np.testing.assert_allclose(in_all_states(1200.0, soil, State.LOOSE).bank_m3, 1000.0)
    json.dumps(from_bank.as_dict(), allow_nan=False)


def test_trucks():
    volumes = in_all_states(1000.0, soil_class("sandy"))
    assert volumes.trucks(6.0) == 200
    assert volumes.trucks(7.0) == 172
    assert in_all_states(0.0, soil_class("sandy")).trucks(6.0) == 0
    with pytest.raises(ParameterError):
        volumes.trucks(0.0)


def test_site_values_take_precedence():
    measured = dataclasses.replace(soil_class("sandy"), loose=1.27, source="test pit 3", status="measured")
    np.testing.assert_allclose(in_all_states(100.0, measured).loose_m3, 127.0)


def test_nonsense_is_refused():
    with pytest.raises(ParameterError, match="clayey"):
        soil_class("mud")
    for volume in (-1.0, float("nan")):
        with pytest.raises(ParameterError):
            in_all_states(volume, soil_class("sandy"))
    with pytest.raises(ParameterError):
        Swell("x", "x", "x", 1.2, 0.0, "s", "s")
