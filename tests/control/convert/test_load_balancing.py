"""Load groups keep all they say on the way there and back."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.convert.load_balancing import load_group, read_load_group
from csms.domain.load_balancing import Sharing
from csms.domain.load_group import LimitUnit, LoadGroup, Phases, Policy, StationShare

pytestmark = pytest.mark.feature("F-SYS-8")
AMPERES = st.floats(6, 1000)
SHARES = st.builds(
    StationShare,
    st.integers(1, 9),
    st.integers(0, 100),
    st.sampled_from(Phases),
    st.none() | AMPERES,
    st.booleans(),
)
POLICIES = st.builds(
    Policy,
    st.sampled_from(LimitUnit),
    st.floats(1, 1e6),
    st.integers(50, 1000),
    AMPERES,
    AMPERES,
    st.sampled_from(Sharing),
    st.booleans(),
    st.integers(1, 3600),
    st.floats(0, 1e6),
    st.lists(st.integers(1, 9), max_size=3).map(tuple),
    st.lists(SHARES, max_size=3).map(tuple),
)


@given(POLICIES, st.booleans())
def test_all_of_a_group_comes_back(policy: Policy, enabled: bool) -> None:
    group = LoadGroup(5, 3, "Garage", policy, enabled)
    assert msgspec.structs.replace(read_load_group(load_group(group)), id=5) == group
