"""Where Prometheus is, and which queries say how a service is."""

from pydantic import Field, field_validator

from connectors.ports.placeholders import wrong
from connectors.ports.remote_settings import RemoteSettings


class PrometheusSettings(RemoteSettings):
    """One Prometheus, or what speaks like it (Thanos, Mimir, VictoriaMetrics)."""

    queries: dict[str, str] = Field(
        default_factory=dict,
        description="Name to PromQL, asked when a playbook gathers `prometheus.range` without a query; `%{service}`, `%{environment}` "
        "and `%{labels.NAME}` stand for the incident's own, inside double quotes",
    )
    most_series: int = Field(default=20, ge=1, le=100, description="Series of one answer that are shown")

    @field_validator("queries")
    @classmethod
    def _can_be_filled(cls, queries: dict[str, str]) -> dict[str, str]:
        for name, query in queries.items():
            if unknown := wrong(query):
                raise ValueError(
                    f"query {name!r} has the blanks {unknown!r}; there are service, environment, title, rule, severity, labels.NAME"
                )
        return queries
