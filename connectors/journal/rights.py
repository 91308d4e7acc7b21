"""How rights to work are named and refused, the same in both journals: leases, those of jobs among them."""

from typing import NamedTuple

from connectors.ports.journal import Lease, LeaseLost

JOB = "job/"
"""What the names of jobs' leases begin with; no other lease may be called so."""


class NothingDue(NamedTuple):
    """No job can be had before `until` (journal time); None: not before something changes."""

    until: int | None


def job_lease_name(queue: str, job_id: str) -> str:
    return f"{JOB}{queue}/{job_id}"


def job_of(lease_name: str) -> tuple[str, str] | None:
    """(queue, id) of a job's lease; None for any other."""
    if not lease_name.startswith(JOB):
        return None
    queue, _, job_id = lease_name.removeprefix(JOB).partition("/")
    return queue, job_id


def lost(lease: Lease, owner: str, token: int) -> LeaseLost:
    """What to tell its former holder, now that `owner` (empty: nobody) holds it with `token`."""
    now = f"{owner!r} with token {token!r}" if owner else "nobody"
    return LeaseLost(
        f"the lease {lease.name!r} of {lease.owner!r} with token {lease.token!r} is held by {now}: stop this work"
    )
