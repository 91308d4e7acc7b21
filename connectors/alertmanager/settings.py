"""What a person configures of Alertmanager and Prometheus."""

from pydantic import Field, SecretStr

from connectors.ports.connector import Settings
from schemas.severity import Severity


class AlertmanagerSettings(Settings):
    """Who may send alerts, and which of their labels say what."""

    tokens: tuple[SecretStr, ...] = Field(
        default=(),
        description="Bearer tokens accepted in Authorization (`http_config.authorization` of the receiver), several while one is being changed",
    )
    service_labels: tuple[str, ...] = Field(
        default=("service", "job", "app"), description="Labels that name the service, the first present one counts"
    )
    environment_labels: tuple[str, ...] = Field(
        default=("environment", "env"), description="Labels that name the environment, the first present one counts"
    )
    default_severity: Severity = Field(
        default="warning", description="Severity of an alert without a label `severity`; unknown words are info"
    )
    heartbeats: tuple[str, ...] = Field(
        default=("Watchdog", "DeadMansSwitch"),
        description="Alerts that always fire to show that alerting works: each repeat is heard, one a minute at most",
    )
    resolve_timeout_s: float = Field(
        default=300.0,
        gt=0,
        description="How long an alert posted to /api/v2/alerts without `endsAt` counts as firing, as Alertmanager's `resolve_timeout`",
    )
    max_body: int = Field(default=10_000_000, gt=0, description="Bytes of one request over the wire")
    max_decompressed: int = Field(default=50_000_000, gt=0, description="Bytes of one request after decompression")
    max_alerts: int = Field(default=10_000, gt=0, description="Alerts read of one request; the rest is kept as poison")
