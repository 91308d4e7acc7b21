"""Where Loki is, and which streams belong to a service."""

from pydantic import Field, field_validator

from connectors.ports.placeholders import wrong
from connectors.ports.remote_settings import RemoteSettings


class LokiSettings(RemoteSettings):
    """One Loki, or one tenant of it (by the header X-Scope-OrgID)."""

    query: str = Field(
        default='{service_name="%{service}"}',
        description="LogQL asked when none is given; `%{service}`, `%{environment}` and `%{labels.NAME}` stand for the incident's own",
    )

    @field_validator("query")
    @classmethod
    def _can_be_filled(cls, query: str) -> str:
        if unknown := wrong(query):
            raise ValueError(
                f"the blanks {unknown!r} are unknown; there are service, environment, title, rule, severity, labels.NAME"
            )
        return query
