"""Receivers of one's own: signed messages and pages by Standard Webhooks."""

from collections.abc import Sequence

from connectors.ports.action import ActionPort
from connectors.ports.connector import Connector
from connectors.webhook.post import Page, Post
from connectors.webhook.settings import WebhookSettings


def _actions(settings: WebhookSettings, _instance: str) -> Sequence[ActionPort]:
    return (Post(settings), Page(settings))


connector = Connector(
    name="webhook",
    summary="Posts signed messages and pages to receivers of one's own.",
    settings=WebhookSettings,
    actions=_actions,
    default=True,
)
