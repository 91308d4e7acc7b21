"""On call: who is to be asked, by schedules written down, PagerDuty or Opsgenie."""

from collections.abc import Sequence
from functools import partial

from connectors.oncall.remotes import opsgenie_answers, pagerduty_answers
from connectors.oncall.settings import OncallSettings
from connectors.oncall.tools import OncallNow
from connectors.ports.checkup import Checkup
from connectors.ports.clock import SystemClock
from connectors.ports.connector import Connector
from connectors.ports.tool import Tool


def tools(settings: OncallSettings, _instance: str) -> Sequence[Tool]:
    """The tool, where there is anything to look into."""
    known = bool(settings.schedules) or settings.pagerduty is not None or settings.opsgenie is not None
    return (OncallNow(settings),) if known else ()


def checkups(settings: OncallSettings, _instance: str) -> Sequence[Checkup]:
    """Whether those who are asked answer."""
    now, made = SystemClock().now(), list[Checkup]()
    if settings.pagerduty is not None:
        look = partial(pagerduty_answers, settings.pagerduty, now)
        made.append(Checkup("pagerduty", look, "check oncall.pagerduty: token and url"))
    if settings.opsgenie is not None:
        look = partial(opsgenie_answers, settings.opsgenie, now)
        made.append(Checkup("opsgenie", look, "check oncall.opsgenie: api_key, url and names of schedules"))
    return made


connector = Connector(
    name="oncall",
    summary="Who is on call: own schedules, PagerDuty, Opsgenie",
    settings=OncallSettings,
    tools=tools,
    checkups=checkups,
)
