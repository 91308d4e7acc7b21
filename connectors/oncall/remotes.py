"""Who is on call as PagerDuty and Opsgenie say.

https://developer.pagerduty.com/api-reference/ (GET /oncalls) and https://docs.opsgenie.com/docs/who-is-on-call-api
"""

from collections.abc import Iterator

from connectors.oncall.settings import OpsgenieSettings, PagerdutySettings
from connectors.ports.asking import Answer
from connectors.ports.checkup import LOOK_S
from connectors.ports.inquiry import Parameters, Remote, segment
from connectors.ports.reading import line, mapping, sequence
from schemas import to_rfc3339


class OnCall(Answer):
    """Somebody on call. `level` 1 is called first; `until` is null for ever, or where the source does not say."""

    who: str
    level: int
    schedule: str
    source: str
    email: str | None = None
    contact: str | None = None
    until: str | None = None


async def by_pagerduty(settings: PagerdutySettings, service: str | None, at: int, deadline_s: float) -> list[OnCall]:
    """Raises ToolFailed."""
    headers = {
        "authorization": f"Token token={settings.token.get_secret_value()}",
        "accept": "application/vnd.pagerduty+json;version=2",
    }
    remote = Remote("PagerDuty", settings.url, headers, deadline_s=deadline_s)
    policies = settings.services.get(service or "", settings.services.get("*", ()))
    if settings.services and not policies:
        return []
    moment = to_rfc3339(at)[:19] + "Z"
    parameters: Parameters = {
        "time_zone": "UTC",
        "since": moment,
        "until": moment,
        "limit": 100,
        "include[]": ["users"],
        "escalation_policy_ids[]": policies,
    }
    body = mapping(await remote.get("/oncalls", parameters, what="who is on call"))
    return sorted(_pagerduty(body.get("oncalls")), key=lambda each: (each.schedule, each.level, each.who))


async def pagerduty_answers(settings: PagerdutySettings, at: int) -> str:
    """Raises ToolFailed."""
    found = await by_pagerduty(settings, "*", at, LOOK_S)
    return f"{settings.url} answers; {len({each.who for each in found})} people are on call"


async def opsgenie_answers(settings: OpsgenieSettings, at: int) -> str:
    """Of each schedule that is named. Raises ToolFailed."""
    names = sorted({name for listed in settings.services.values() for name in listed})
    found = await by_opsgenie(settings.model_copy(update={"services": {"*": names[:5]}}), "*", at, LOOK_S)
    return f"{settings.url} answers; {len({each.who for each in found})} people are on call in {', '.join(names[:5])}"


def _pagerduty(listed: object) -> Iterator[OnCall]:
    for each in map(mapping, sequence(listed)):
        user, policy, schedule = (mapping(each.get(name)) for name in ("user", "escalation_policy", "schedule"))
        level = each.get("escalation_level")
        yield OnCall(
            who=line(user.get("name") or user.get("summary"), 100),
            level=level if isinstance(level, int) else 1,
            schedule=line(schedule.get("summary") or policy.get("summary"), 100),
            source="pagerduty",
            email=line(user.get("email"), 200) or None,
            until=line(each.get("end"), 40) or None,
        )


async def by_opsgenie(settings: OpsgenieSettings, service: str | None, at: int, deadline_s: float) -> list[OnCall]:
    """Raises ToolFailed."""
    headers = {"authorization": f"GenieKey {settings.api_key.get_secret_value()}"}
    remote = Remote("Opsgenie", settings.url, headers, deadline_s=deadline_s)
    found: list[OnCall] = []
    for name in settings.services.get(service or "", settings.services.get("*", ())):
        path = f"/v2/schedules/{segment(name)}/on-calls"
        asked = {"scheduleIdentifierType": "name", "flat": "true", "date": to_rfc3339(at)[:19] + "Z"}
        body = mapping(await remote.get(path, asked, what=f"who is on call in {name!r}"))
        recipients = sequence(mapping(body.get("data")).get("onCallRecipients"))
        found += [
            OnCall(
                who=line(each, 200),
                level=1,
                schedule=name,
                source="opsgenie",
                email=line(each, 200) if "@" in str(each) else None,
            )
            for each in recipients
        ]
    return found
