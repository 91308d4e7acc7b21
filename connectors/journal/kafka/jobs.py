"""Work with a due time: who gets the next job."""

from connectors.journal.kafka.database import Database
from connectors.journal.rights import NothingDue, job_lease_name
from connectors.ports.journal import Job, Lease

STEP = 2_000


async def claim(database: Database, queue: str, owner: str, *, now: int, ttl: int) -> Job | NothingDue:
    """The next due job under a new lease of `ttl` microseconds; its token is the number of the attempt. Others that claim at the
    same moment pass over the row that is being taken instead of waiting for it."""
    found = await database.once(
        """WITH next AS MATERIALIZED (
             SELECT seq FROM jobs WHERE queue = %(queue)s AND NOT finished AND free_at <= %(now)s
             ORDER BY priority DESC, due, seq LIMIT 1 FOR UPDATE SKIP LOCKED)
           UPDATE jobs SET attempt = attempt + 1, owner = %(owner)s, free_at = %(until)s FROM next WHERE jobs.seq = next.seq
           RETURNING id, payload, due, priority, attempt""",
        {"queue": queue, "owner": owner, "now": now, "until": now + ttl},
    )
    if not found:
        [(until,)] = await database.rows(
            "SELECT min(free_at) FROM jobs WHERE queue = %s AND NOT finished AND free_at > %s", (queue, now)
        )
        return NothingDue(until)
    job_id, payload, due, priority, attempt = found[0]
    lease = Lease(job_lease_name(queue, job_id), owner, attempt, now + ttl)
    return Job(queue, job_id, payload, due, priority, attempt, lease)


async def give_back(database: Database, job: Job) -> None:
    """Let a job go that was claimed for somebody who went away meanwhile; the attempt is counted."""
    await database.rows(
        "UPDATE jobs SET owner = '', free_at = due WHERE queue = %s AND id = %s AND attempt = %s AND owner <> ''",
        (job.queue, job.id, job.attempt),
    )


async def unfinished(database: Database, queue: str) -> int:
    [(number,)] = await database.rows("SELECT count(*) FROM jobs WHERE queue = %s AND NOT finished", (queue,))
    return int(number)


async def forget(database: Database, queue: str, *, before: int) -> int:
    """Drop what is finished and was last held before `before`, a step after the other."""
    forgotten = 0
    while True:
        gone = await database.rows(
            """DELETE FROM jobs WHERE seq IN (
                 SELECT seq FROM jobs WHERE queue = %s AND finished AND free_at < %s LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING seq""",
            (queue, before, STEP),
        )
        forgotten += len(gone)
        if len(gone) < STEP:
            return forgotten
