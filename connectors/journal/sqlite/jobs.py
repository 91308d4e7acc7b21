"""Work with a due time, decided inside a commit: who gets the next job, and what becomes of a held one."""

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from connectors.journal.collected import Enqueue, Finish, JobChange, Reschedule, let_go
from connectors.journal.rights import NothingDue, job_lease_name
from connectors.journal.sqlite import leases
from connectors.journal.sqlite.state import Group
from connectors.ports.journal import Job, Lease, LeaseLost

STEP = 2_000


def claim(group: Group, queue: str, owner: str, ttl: int) -> Job | NothingDue:
    """The next due job under a new lease of `ttl` microseconds; its token is the number of the attempt."""
    row = group.connection.execute(
        "SELECT seq, id, payload, due, priority, attempt FROM jobs WHERE queue = ? AND finished = 0 AND free_at <= ?"
        " ORDER BY priority DESC, due, seq LIMIT 1",
        (queue, group.now),
    ).fetchone()
    if row is None:
        (until,) = group.connection.execute(
            "SELECT min(free_at) FROM jobs WHERE queue = ? AND finished = 0", (queue,)
        ).fetchone()
        return NothingDue(until)
    seq, job_id, payload, due, priority, attempts = row
    lease = Lease(job_lease_name(queue, job_id), owner, attempts + 1, group.now + ttl)
    group.connection.execute(
        "UPDATE jobs SET attempt = ?, owner = ?, free_at = ? WHERE seq = ?", (lease.token, owner, lease.expires_at, seq)
    )
    return Job(queue, job_id, payload, due, priority, lease.token, lease)


def renew(group: Group, job: Job, ttl: int) -> Job:
    """Raises LeaseLost."""
    return replace(job, lease=leases.renew(group, job.lease, ttl))


def give_back(group: Group, job: Job) -> None:
    """Let a job go that was claimed for somebody who went away meanwhile; the attempt is counted."""
    try:
        leases.check(group, job.lease)
    except LeaseLost:
        return
    change(group, (Reschedule(job, job.due, None),))


def forget(group: Group, *, queue: str, before: int, after: int) -> tuple[int, int]:
    """Look at STEP jobs of all queues behind place `after`, and forget those of this one that are finished and old; how many, and the place
    to go on behind, -1 at the end."""
    rows = group.connection.execute(
        "SELECT seq, queue = ? AND finished = 1 AND free_at < ? FROM jobs WHERE seq > ? ORDER BY seq LIMIT ?",
        (queue, before, after, STEP),
    ).fetchall()
    old = [(seq,) for seq, is_old in rows if is_old]
    group.connection.executemany("DELETE FROM jobs WHERE seq = ?", old)
    return len(old), rows[-1][0] if len(rows) == STEP else -1


def check(group: Group, changes: Iterable[JobChange]) -> None:
    """Raises LeaseLost when a job that is to be given back or finished is not held by its holder any more."""
    for job in let_go(changes):
        leases.check(group, job.lease)


def change(group: Group, changes: Iterable[JobChange]) -> None:
    """Do what was checked."""
    execute = group.connection.execute
    for wanted in changes:
        match wanted:
            case Enqueue():
                due = wanted.due or group.now
                execute(
                    "INSERT INTO jobs (queue, id, payload, due, priority, free_at) VALUES (?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT (queue, id) DO NOTHING",
                    (wanted.queue, wanted.job_id, wanted.payload, due, wanted.priority, due),
                )
                group.awake.add(wanted.queue)
            case Reschedule():
                execute(
                    "UPDATE jobs SET due = ?, free_at = ?, owner = '', payload = coalesce(?, payload)"
                    " WHERE queue = ? AND id = ?",
                    (wanted.due, wanted.due, wanted.payload, wanted.job.queue, wanted.job.id),
                )
                group.awake.add(wanted.job.queue)
            case Finish():
                execute(
                    "UPDATE jobs SET finished = 1, owner = '', payload = x'' WHERE queue = ? AND id = ?",
                    (wanted.job.queue, wanted.job.id),
                )
            case _:
                assert_never(wanted)
