"""Alertmanager's webhook, and Prometheus sending alerts to us as if we were an Alertmanager."""

from connectors.alertmanager.settings import AlertmanagerSettings
from connectors.alertmanager.source import AlertmanagerSource
from connectors.ports.connector import Connector

connector = Connector(
    name="alertmanager",
    summary="Hears Alertmanager's webhook, and alerts a stock Prometheus posts to /api/v2/alerts.",
    settings=AlertmanagerSettings,
    source=AlertmanagerSource,
    default=True,
)
