"""The dispatcher as a pure function: sizes and work in, a plan out."""

import math

import pytest

from dualad.drivers.choose import COSTS, DIRECT, SIDE, Costs, Plan, Rate, Work, asked, choose, most_lanes

ARRAYS = Work(calls=12, scalars=0, elements=6000)
SCALARS = Work(calls=0, scalars=2000, elements=0)
SHORT = Work(calls=12, scalars=0, elements=360)
WORK = pytest.mark.parametrize("work", [ARRAYS, SCALARS, Work(10, 100, 10**6)])


@WORK
def test_the_ends_are_what_everybody_expects(work):
    assert choose(10_000, 1, work=work).mode == "reverse"
    assert choose(1, 10_000, work=work).mode == "forward"


@WORK
@pytest.mark.parametrize("recorded", [False, True])
def test_the_choice_is_the_least_of_the_predicted_costs(work, recorded):
    for n in (1, 5, 40, 300, 2000):
        for m in (1, 5, 40, 300, 2000):
            plan = choose(n, m, work=work, recorded=recorded)
            name = plan.mode + (", recorded" if plan.recorded else ", dual numbers")
            assert plan.costs[name] == min(plan.costs.values())
            assert plan.recorded or not recorded
        plan = choose(n, 1, 2, work)
        assert plan.costs[plan.mode] == min(plan.costs.values())


@WORK
def test_more_outputs_never_favour_rows(work):
    for n in (40, 300, 2000):
        modes = [choose(n, m, work=work).mode for m in (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)]
        assert modes == sorted(modes, reverse=True)  # "reverse" first, then "forward"


def test_what_is_not_known_yet():
    few, many = choose(DIRECT), choose(DIRECT + 1)
    assert (few.mode, few.recorded) == ("forward", False) and "without a recording" in few.reason
    assert many.recorded and "not known" in many.reason
    assert "not known yet" in str(many)


def test_chunks():
    plan = choose(1000, 1000, work=SCALARS)
    assert 1 <= plan.chunk <= 128
    passes = math.ceil(1000 / plan.chunk)
    assert passes * plan.chunk - 1000 < passes  # nearly equal
    assert choose(3, 5).chunk == 3 and choose(0, 5).chunk == 1 and choose(500, 0, work=ARRAYS).chunk >= 1
    assert most_lanes(1) == 128 and most_lanes(10**9) == 16 and most_lanes(1, 10**9) == 16
    assert choose(30, 1, 2).chunk <= max(SIDE, 30)


def test_dual_numbers_where_one_evaluation_carries_all_columns():
    assert "forward, dual numbers" in choose(100, 100, work=ARRAYS).costs
    assert "forward, dual numbers" not in choose(1000, 1000, work=ARRAYS).costs


def test_hessians():
    assert choose(3, order=2).mode == "hyperdual"
    assert choose(2000, 1, 2, ARRAYS).mode == "forward-over-reverse"
    # A heavy function is not evaluated on all pairs of directions, a light one is.
    assert choose(8, 1, 2, Work(10, 0, 10**6)).mode == "forward-over-reverse"
    assert choose(8, 1, 2, Work(10, 0, 80)).mode == "hyperdual"


def test_hessians_in_one_evaluation():
    few, more = choose(SIDE, order=2), choose(SIDE + 1, order=2)
    assert (few.mode, few.chunk) == ("hyperdual", SIDE)
    assert more.recorded and "not known yet" in more.reason and "hyperdual" not in more.costs
    assert choose(30, 1, 2, SCALARS).mode == "forward-over-reverse"
    assert choose(30, 1, 2, SHORT).mode == "hyperdual" and choose(30, 1, 2, SHORT).chunk == 30
    large = choose(30, 1, 2, Work(10, 0, 10**6))
    assert large.recorded and "would be large" in large.reason
    # Once it is recorded, one output is swept; for many, which make the tape long, f may run again.
    assert choose(30, 1, 2, SCALARS, recorded=True).recorded
    assert not choose(30, 100, 2, ARRAYS, recorded=True).recorded


def test_a_mode_that_was_asked_for():
    plan = asked("reverse", 3, 2, 1, 2)
    assert plan.recorded and str(plan).splitlines()[1:] == ["mode='reverse' was asked for"]


def test_reasons_and_prints():
    plan = choose(300, 4, work=ARRAYS)
    text = str(plan)
    assert text.startswith("Jacobian of 300 inputs and 4 outputs: reverse, 4 at a time, over a recording")
    assert "4 rows backward over a recording" in plan.reason and plan.reason in text
    assert all(name in text for name in plan.costs)
    assert str(choose(1, 1, 2)).startswith("Hessian of 1 input and 1 output: hyperdual")


def test_other_costs():
    free = COSTS.reverse._replace(lane_element=0.0, lane_scalar=0.0, call=0, start=0, element=0, scalar=0)
    costs = Costs(record=free, reverse=free)
    assert choose(40, 400, work=ARRAYS).mode == "forward"
    assert choose(40, 400, work=ARRAYS, costs=costs).mode == "reverse"
    assert Rate(1, 2, 3, 4, 5, 6).cost(Work(10, 100, 1000), 2, 3) == 3 * (1 + 20 + 300 + 4000) + 2 * (500 + 6000)


def test_the_same_question_has_the_same_answer():
    assert choose(7, 8, work=ARRAYS) is choose(7, 8, work=ARRAYS)
    assert isinstance(choose(7, 8), Plan)
    with pytest.raises(ValueError, match="order must be 1"):
        choose(3, order=3)
