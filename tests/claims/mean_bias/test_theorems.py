"""Search statements about Theorems 1 to 3: rounding makes no counterexample, and what is false is found to be."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claims.evidence.searching import drive
from claims.kinds.search import Statement
from claims.papers.mean_bias.experiments import exceedance_statements, maxima_statements
from claims.streams import Streams

FALSE = {"INFORMATIVE", "CONSTANT", "PRINTED"}
STATEMENTS = {
    f"{module.__name__}:{name}": statement
    for module in (exceedance_statements, maxima_statements)
    for name, statement in vars(module).items()
    if isinstance(statement, Statement)
}


@pytest.mark.parametrize("path", STATEMENTS)
def test_the_search_finds_what_is_false_and_nothing_else(path):
    found = drive(
        {"statement": path, "examples": 40, "restarts": 2},
        Streams(epoch=11, experiment="search", base=(), seed_index=0),
    )
    assert found["planted_margin"] < 0
    assert (found["smallest_margin"] < 0) == (path.partition(":")[2] in FALSE)
    if found["smallest_margin"] < 0:
        assert found["precise_margin"] < -1e-3


@pytest.mark.parametrize("path", [path for path in STATEMENTS if path.partition(":")[2] not in FALSE])
@given(data=st.data())
@settings(deadline=None, max_examples=25)
def test_rounding_makes_no_counterexample(path, data):
    """Margins hold at every input, ends of the ranges included, and agree with those in 50 digits."""
    statement = STATEMENTS[path]
    inputs = {
        name: data.draw(st.floats(lo, hi) | st.sampled_from([lo, hi]), label=name)
        for name, (lo, hi) in statement.ranges().items()
    }
    assert statement.margin(**inputs) >= 0
    assert statement.precise(**inputs) >= -1e-30
    assert statement.margin(**inputs) == pytest.approx(statement.precise(**inputs), rel=1e-7, abs=2e-9)
