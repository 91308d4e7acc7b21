"""Standing by: what is logged of triage where several processes share a journal, and one of them at a time decides."""

import structlog

from processors.triage.loop import Triage
from tocsin.store import Store

log = structlog.get_logger("tocsin")


def standing_by(store: Store) -> None:
    """It asks for the lease from here on."""
    if store.shared is not None:
        log.info("triage stands by until it gets the lease")


def has_the_lease(store: Store, triage: Triage) -> None:
    """It knows the state, and decides."""
    if store.shared is not None:
        log.info("triage has the lease", term=triage.lease.token, goes_on_behind_input=triage.position)
