"""The signals an investigation reads itself."""

import logging
from collections.abc import Sequence

from connectors.ports.archive import Archive
from schemas import Signal

LOOKED_AT = 12
"""The first ones and the latest."""
_log = logging.getLogger(__name__)


async def read_signals(archive: Archive, ids: Sequence[str], investigation_id: str) -> tuple[Signal, ...]:
    """Oldest first; what cannot be read is left out."""
    chosen = ids if len(ids) <= LOOKED_AT else (*ids[: LOOKED_AT // 2], *ids[-(LOOKED_AT // 2) :])
    found: list[Signal] = []
    for identity in chosen:
        try:
            signal = await archive.signal(identity)
        except (OSError, ValueError) as error:
            _log.warning("signal %r of investigation %r cannot be read: %s", identity, investigation_id, error)
            continue
        if signal is not None:
            found.append(signal)
    return tuple(sorted(found, key=lambda each: (each.occurred_at, each.id)))
