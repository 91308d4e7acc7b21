"""On call: who is to be asked, by schedules written down, PagerDuty or Opsgenie."""

from collections.abc import Sequence

from connectors.oncall.settings import OncallSettings
from connectors.oncall.tools import OncallNow
from connectors.ports.connector import Connector
from connectors.ports.tool import Tool


def tools(settings: OncallSettings, _instance: str) -> Sequence[Tool]:
    """The tool, where there is anything to look into."""
    known = bool(settings.schedules) or settings.pagerduty is not None or settings.opsgenie is not None
    return (OncallNow(settings),) if known else ()


connector = Connector(
    name="oncall",
    summary="Who is on call: own schedules, PagerDuty, Opsgenie",
    settings=OncallSettings,
    tools=tools,
)
