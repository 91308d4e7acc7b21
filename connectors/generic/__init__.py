"""Any sender that speaks JSON: a configured mapping, CloudEvents, Standard Webhooks signatures."""

from connectors.generic.settings import GenericSettings
from connectors.generic.source import GenericSource
from connectors.ports.connector import Connector

connector = Connector(
    name="generic",
    summary="Receives JSON of any shape by a mapping, CloudEvents and Standard Webhooks.",
    settings=GenericSettings,
    source=GenericSource,
    default=True,
)
