"""Linear: what people do there comes in, issues and comments go out."""

from collections.abc import Sequence

from connectors.linear.client import LinearClient
from connectors.linear.comment import Comment
from connectors.linear.create import CreateIssue
from connectors.linear.settings import LinearSettings
from connectors.linear.source import LinearSource
from connectors.linear.tools import ReadIssue, SearchIssues
from connectors.linear.update import UpdateIssue
from connectors.ports.action import ActionPort
from connectors.ports.checkup import Checkup
from connectors.ports.connector import Connector
from connectors.ports.tool import Tool


def _tools(settings: LinearSettings, _instance: str) -> Sequence[Tool]:
    return (ReadIssue(settings), SearchIssues(settings)) if settings.credential() is not None else ()


def _actions(settings: LinearSettings, _instance: str) -> Sequence[ActionPort]:
    return (CreateIssue(settings), Comment(settings), UpdateIssue(settings))


def _checkups(settings: LinearSettings, _instance: str) -> Sequence[Checkup]:
    if settings.credential() is None:
        return ()
    return (Checkup("linear", LinearClient(settings).answers, "check linear.api_key (or oauth_token) and url"),)


connector = Connector(
    name="linear",
    summary="Hears Linear's webhooks; opens, comments, closes and reads issues.",
    settings=LinearSettings,
    source=LinearSource,
    tools=_tools,
    checkups=_checkups,
    actions=_actions,
    default=True,
)
