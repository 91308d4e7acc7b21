"""Where Elasticsearch or OpenSearch is, and what its log documents look like."""

from pydantic import Field, SecretStr

from connectors.ports.inquiry import Remote
from connectors.ports.remote_settings import RemoteSettings


class ElasticsearchSettings(RemoteSettings):
    """One cluster with logs."""

    api_key: SecretStr | None = Field(default=None, description="Elasticsearch's encoded API key (sent as `ApiKey`)")
    index: str = Field(
        default="logs-*", pattern=r"^[^/?#\s]+$", description="Indices or data streams searched, commas and * allowed"
    )
    time_field: str = Field(default="@timestamp", description="When the line was written")
    message_field: str = Field(default="message", description="What it says; `body` of OpenTelemetry is tried after it")
    level_field: str = Field(default="log.level", description="How bad it is")
    service_field: str = Field(
        default="service.name", description="Whose it is; must be searchable as a whole (keyword)"
    )

    def cluster(self) -> Remote:
        """Where to ask."""
        remote = self.remote("Elasticsearch")
        if self.api_key is None:
            return remote
        own = {**remote.headers, "authorization": f"ApiKey {self.api_key.get_secret_value()}"}
        return Remote(remote.name, remote.url, own, deadline_s=remote.deadline_s, ca=remote.ca)
