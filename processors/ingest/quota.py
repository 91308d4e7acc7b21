"""How much one door takes in a second, so that one tenant's flood leaves room for the others."""


class Quota:
    """`per_second` signals (a log line counts as one) on average, `burst_s` seconds' worth at once. Times are monotonic, in seconds.

    A request is taken whole or not at all; one that is larger than a burst is taken when nothing else was lately, and the next waits for
    as long as it is worth.
    """

    __slots__ = ("_burst", "_free_at", "_per_second")

    def __init__(self, per_second: float, burst_s: float) -> None:
        self._per_second, self._burst = per_second, burst_s
        self._free_at = 0.0

    def take(self, number: int, now: float) -> float:
        """Take so many; returns 0, or how many seconds to wait when they are too many now and nothing was taken."""
        begin = max(self._free_at, now)
        end = begin + number / self._per_second
        over = end - now - self._burst
        if over > 0 and begin > now:
            return over if number / self._per_second <= self._burst else begin - now
        self._free_at = end
        return 0.0
