"""What a quota takes in any second, and that nothing waits for ever."""

from hypothesis import given
from hypothesis import strategies as st

from processors.ingest.quota import Quota


def test_a_burst_is_taken_and_what_comes_after_it_waits_its_time() -> None:
    quota = Quota(per_second=10, burst_s=2)
    assert [quota.take(5, 100.0) for _ in range(4)] == [0, 0, 0, 0]
    assert quota.take(5, 100.0) == 0.5
    assert quota.take(5, 100.5) == 0


def test_a_request_larger_than_a_burst_is_taken_alone_and_paid_for_afterwards() -> None:
    quota = Quota(per_second=10, burst_s=1)
    assert quota.take(100, 0.0) == 0
    assert quota.take(1, 0.0) > 9
    assert quota.take(100, 5.0) == 5.0
    assert quota.take(100, 10.0) == 0


@given(
    st.lists(st.tuples(st.floats(0, 3), st.integers(1, 30)), max_size=60),
    st.floats(0.5, 100),
    st.floats(0.1, 10),
)
def test_never_more_than_the_rate_allows_and_whoever_waits_as_told_is_taken(
    asked: list[tuple[float, int]], rate: float, burst_s: float
) -> None:
    quota, now, taken = Quota(rate, burst_s), 0.0, 0
    largest = max((number for _, number in asked), default=0)
    for pause, number in asked:
        now += pause
        wait = quota.take(number, now)
        if wait:
            now += wait * 1.000001 + 1e-6
            assert quota.take(number, now) == 0
        taken += number
        assert taken <= rate * (now + burst_s) + largest + 1e-3
