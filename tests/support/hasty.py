"""The program as it is, except that it waits less: `python -m tests.support.hasty run ...`.

`TOCSIN_TEST_AHEAD` says by how many seconds this machine's clock is off. `TOCSIN_TEST_HASTE` says after how many seconds a lease passes on when its holder was killed or stands still, and what failed is tried
again; unset, all is as shipped. A pause of some seconds is then what a pause of minutes is otherwise.
"""

import os

from tenacity import wait_fixed

from connectors.journal.kafka import relay
from connectors.ports.clock import SystemClock
from processors.act import Worker, schedule
from processors.act import worker as act_worker
from processors.investigate.worker import Workers
from schemas.time import SECOND
from tocsin.__main__ import main
from tocsin.compose import Program

HASTE = "TOCSIN_TEST_HASTE"
AHEAD = "TOCSIN_TEST_AHEAD"


def hurry() -> None:
    """Shorten what this process waits for."""
    said = os.environ.get(HASTE)
    if said is None:
        return
    seconds = float(said)
    Program.lease_s = property(lambda _: seconds)  # type: ignore[assignment,method-assign]
    relay.TTL_S = seconds
    # A call of a remote may take the remote's deadline; what is added to it is ours.
    act_worker.MARGIN_S = seconds
    schedule._wait = wait_fixed(seconds)  # type: ignore[attr-defined]
    for worker in (Workers, Worker):
        defaults = worker.__init__.__kwdefaults__  # type: ignore[misc]
        assert defaults is not None
        defaults["ttl_s"] = seconds


def drift() -> None:
    """Put this process on a machine whose clock is off."""
    off = round(float(os.environ.get(AHEAD, "0")) * SECOND)
    if off:
        right = SystemClock.now
        SystemClock.now = lambda clock: right(clock) + off  # type: ignore[method-assign]


if __name__ == "__main__":
    hurry()
    drift()
    main()
