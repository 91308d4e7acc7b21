"""When an action is tried again, and when it is given up."""

from tenacity import RetryCallState, Retrying, stop_after_delay, wait_chain, wait_fixed

from schemas import digest
from schemas.time import SECOND

GIVE_UP_S = 24 * 3600.0
"""Counted from the approval."""
LONGEST_S = 3600.0
"""The longest wait between two attempts, and the most of a remote's own `Retry-After` that is obeyed."""
_DELAYS_S = (5.0, 30.0, 120.0, 600.0, 1800.0, LONGEST_S)
_JITTER = 0.2

_wait = wait_chain(*(wait_fixed(delay) for delay in _DELAYS_S))
_stop = stop_after_delay(GIVE_UP_S)
_nobody = Retrying()


def next_try(action_id: str, *, tries: int, now: int, retry_after_s: float | None = None) -> int:
    """The moment of the next try after `tries` of them: 5 s, 30 s, 2, 10, 30 minutes, then every hour, each up to a fifth longer.

    How much longer follows from the action and the number alone. A remote that asks for a longer wait gets it, up to an hour.
    """
    fraction = int(digest("jit", action_id, tries)[4:12], 16) / 0xFFFFFFFF
    delay = _wait(_state(tries, 0.0)) * (1 + _JITTER * fraction)
    if retry_after_s is not None:
        delay = max(delay, min(retry_after_s, LONGEST_S))
    return now + round(delay * SECOND)


def given_up(*, since: int, now: int) -> bool:
    """Whether an action approved at `since` is not tried any more."""
    return _stop(_state(1, (now - since) / SECOND))


def _state(tries: int, elapsed_s: float) -> RetryCallState:
    """What tenacity's strategies look at; they are used as the pure functions they are, without its loop and its clock."""
    state = RetryCallState(_nobody, None, (), {})
    state.attempt_number = max(1, tries)
    state.start_time = 0.0
    state.outcome_timestamp = elapsed_s
    return state
