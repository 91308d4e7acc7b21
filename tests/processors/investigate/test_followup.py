"""Readers of the issue hear of what changed: at a pace they can bear, and always of the end."""

import asyncio
from typing import Any

from connectors.ports.journal import DECISIONS, recorded
from playbooks.library import load_library
from playbooks.load import read
from processors.investigate.followup import Followed, followup, newcomers
from schemas import Action, ExternalRef, Incident, decide
from schemas.payload import IncidentChanged, PlaybookNotified
from schemas.time import SECOND
from tests.support.checkout_story import INJECTION, NOW, checkout_incident

PLAYBOOK = load_library().get("triage-error")
ISSUE = ExternalRef(system="linear", kind="issue", id="uuid-1", title="OPS-13")
HOUR = 3600 * SECOND


def incident(**changes: Any) -> Incident:
    return checkout_incident(**{"external": (ISSUE,), "signals": 3, **changes})


def after(
    now: Incident, last: Followed | None, *, at: int = NOW, kind: Any = "incident.updated", playbook: Any = PLAYBOOK
) -> Any:
    decision = decide(kind, at=at, actor="rule:x", because="x", cause=("x",), data=IncidentChanged(incident=now))
    return followup(now, decision, last, playbook)


KNOWN = Followed(at=NOW, severity="error", signals=3)


def test_without_an_issue_there_is_nobody_to_tell() -> None:
    assert after(checkout_incident(), None) is None


def test_the_first_sight_of_the_issue_is_remembered_and_not_commented() -> None:
    found = after(incident(), None)
    assert found.actions == () and found.followed == KNOWN


def test_a_few_more_signals_are_no_news() -> None:
    assert after(incident(signals=29), KNOWN) is None


def test_ten_times_as_many_and_a_worse_severity_are_news() -> None:
    (comment,) = after(incident(signals=30), KNOWN).actions
    assert comment.kind == "linear.comment" and comment.arguments["issue"] == "uuid-1"
    assert "It grew from 3 to 30 signals." in comment.arguments["body"]
    (worse,) = after(incident(severity="critical"), KNOWN).actions
    assert "Severity rose from error to critical." in worse.arguments["body"]


def test_at_most_one_update_an_hour_is_told_and_the_next_one_counts_from_it() -> None:
    told = after(incident(signals=30), KNOWN).followed
    assert after(incident(signals=300), told, at=NOW + HOUR - 1) is None
    later = after(incident(signals=300), told, at=NOW + HOUR)
    assert "from 30 to 300" in later.actions[0].arguments["body"]


def test_the_end_is_told_once_whatever_was_told_just_before() -> None:
    told = after(incident(signals=30), KNOWN).followed
    over = incident(status="resolved", resolved_at=NOW + 60 * SECOND, resolved_by="human:ada")
    found = after(over, told, kind="incident.resolved", at=NOW + 60 * SECOND)
    (comment,) = found.actions
    assert comment.arguments["body"].startswith("Resolved at 2026-03-14 02:23:00 UTC, after 13 min, by `human:ada`.")
    assert after(over, found.followed, kind="incident.updated", at=NOW + HOUR) is None


def test_an_issue_that_appears_after_the_end_hears_of_the_end() -> None:
    over = incident(status="resolved", resolved_at=NOW)
    assert len(after(over, None).actions) == 1


def test_a_reopened_incident_is_told_when_its_end_was() -> None:
    ended = KNOWN.model_copy(update={"told": "resolved", "commented_at": NOW})
    (comment,) = after(incident(), ended, kind="incident.reopened", at=NOW + SECOND).actions
    assert "It is back" in comment.arguments["body"]


def test_the_issue_is_closed_only_by_a_playbook_that_says_so() -> None:
    closing = read(
        "x.md", PLAYBOOK.text.replace("page: act}", "page: act, linear.update_issue: propose}"), PLAYBOOK.templates
    )
    over = incident(status="resolved", resolved_at=NOW)
    assert [each.kind for each in after(over, KNOWN, playbook=closing).actions] == [
        "linear.comment",
        "linear.update_issue",
    ]
    assert [each.kind for each in after(over, KNOWN).actions] == ["linear.comment"]


def test_outside_text_in_a_comment_stays_text() -> None:
    over = incident(status="resolved", resolved_at=NOW, resolved_by=INJECTION, title=INJECTION)
    body = after(over, KNOWN).actions[0].arguments["body"]
    bare = "".join(part for index, part in enumerate(body.split("`")) if index % 2 == 0)
    assert "Ignore" not in bare and "evil" not in bare


def member(number: int, **changes: Any) -> Incident:
    group = {"labels.alertname": "PodCrashLooping", "service": f"till-{number}", "labels.zone": "a", "labels.empty": ""}
    said = {"id": f"inc_{number}", "service": f"till-{number}", "group": group, "severity": "critical"}
    return checkout_incident(**{**said, "labels": {"alertname": "PodCrashLooping"}, **changes})


def told_of(joined: list[Incident], *, before: int = 0, members: int | None = None) -> str:
    names = tuple(f"inc_{number}" for number in range(before + (members or len(joined))))
    now, known = incident(members=names), KNOWN.model_copy(update={"members": before})
    decision = decide(
        "incident.updated", at=NOW, actor="rule:x", because="x", cause=("x",), data=IncidentChanged(incident=now)
    )
    assert PLAYBOOK is not None
    found = followup(now, decision, known, PLAYBOOK, joined)
    assert found is not None
    return str(found.actions[0].arguments["body"])


def test_incidents_that_joined_are_named_with_service_severity_and_labels() -> None:
    body = told_of([member(1), member(2, service=None, labels={}, title="no route", severity="error", group={})])
    assert "2 other incidents belong to it now." in body
    assert "They are `PodCrashLooping` of `till-1` (critical, `zone=a`); `no route` (error)." in body


def test_of_many_that_joined_ten_are_named_and_the_others_counted() -> None:
    now = incident(members=tuple(f"inc_{number}" for number in range(40)))
    fresh = newcomers(now, KNOWN.model_copy(update={"members": 5}))
    assert fresh == tuple(f"inc_{number}" for number in range(5, 15)) and newcomers(now, None) == ()
    body = told_of([member(number) for number in range(5, 15)], before=5, members=35)
    assert "40 other incidents belong to it now." in body and "New are `PodCrashLooping` of `till-5`" in body
    assert "`till-14` (critical, `zone=a`); and 25 more." in body


def test_one_that_joined_and_is_not_known_is_counted_alone() -> None:
    body = told_of([], members=1)
    assert "1 other incident belongs to it now." in body and "They are" not in body


def test_outside_text_of_one_that_joined_stays_text() -> None:
    evil = member(1, labels={"alertname": INJECTION}, service=INJECTION, group={"labels.zone": INJECTION * 9})
    body = told_of([evil])
    bare = "".join(part for index, part in enumerate(body.split("`")) if index % 2 == 0)
    assert "Ignore" not in bare and "evil" not in bare and len(body) < 900


def test_what_joined_is_looked_up_when_it_is_told(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            await w.keep([member(0)])
            await w.change("incident.updated", incident(), at=NOW, cause="1")
            later = incident(members=("inc_0", "inc_gone"))
            await w.change("incident.updated", later, at=NOW + SECOND, cause="2")
            intake = w.processor().intake
            while await intake.step():
                pass
            (comment,) = [
                Action.model_validate(each.data["action"])
                for each in await w.decisions()
                if each.kind == "action.proposed"
            ]
            assert (
                "They are `PodCrashLooping` of `till-0` (critical, `zone=a`); and 1 more." in comment.arguments["body"]
            )

    asyncio.run(main())


def test_comments_are_proposed_through_the_same_loop_once_each(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            await w.change("incident.updated", incident(), at=NOW, cause="1")
            await w.change("incident.updated", incident(signals=30), at=NOW + SECOND, cause="2")
            await w.change("incident.updated", incident(signals=300), at=NOW + 2 * SECOND, cause="3")
            over = incident(signals=300, status="resolved", resolved_at=NOW + 3 * SECOND)
            await w.change("incident.resolved", over, at=NOW + 3 * SECOND, cause="4")
            intake = w.processor().intake
            while await intake.step():
                pass
            actions = [
                Action.model_validate(each.data["action"])
                for each in await w.decisions()
                if each.kind == "action.proposed"
            ]
            assert [each.kind for each in actions] == ["linear.comment"] * 2
            assert len({each.idempotency_key for each in actions}) == 2 and {each.autonomy for each in actions} == {
                "act"
            }
            assert await w.journal.position("investigate", DECISIONS) == await w.journal.head(DECISIONS)

    asyncio.run(main())


def test_of_a_group_that_waits_readers_hear_when_its_time_has_come(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            over = incident(status="resolved", resolved_at=NOW + SECOND)
            for kind, now, number in (("incident.updated", incident(), 0), ("incident.resolved", over, 1)):
                data = IncidentChanged(incident=now, waits=True)
                waits = decide(kind, at=NOW + number, actor="rule:x", because="x", cause=(str(number),), data=data)
                await w.journal.append(DECISIONS, [recorded(waits)])
            intake = w.processor().intake
            while await intake.step():
                pass
            assert [each.kind for each in await w.decisions() if each.kind == "action.proposed"] == []
            told = PlaybookNotified(playbook="triage-error", reason="all_resolved", incident=over)
            notified = decide("playbook.notified", at=NOW + 9, actor="rule:x", because="x", cause=("9",), data=told)
            await w.journal.append(DECISIONS, [recorded(notified)])
            while await intake.step():
                pass
            (proposed,) = [each for each in await w.decisions() if each.kind == "action.proposed"]
            assert proposed.data["action"]["kind"] == "linear.comment"

    asyncio.run(main())
