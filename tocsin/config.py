"""The configuration: `tocsin.yaml`, read once, validated whole, passed down."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from connectors.ports.brokers import Security
from connectors.ports.connector import Connector, Settings
from schemas import content_hash
from schemas.document import Document, DocumentInvalid, Fault, faults_of, near, parse_yaml
from tocsin.models import Budgets, Models
from tocsin.packs import Pack
from tocsin.registry import connectors_by_name

FILE = "tocsin.yaml"
_REFERENCE = re.compile(r"\$\$|\$\{(?:(file):)?([^}]*)\}")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class QuotaSettings(_Section):
    """What one door takes; more is told to come again, as the sender understands it."""

    signals_per_second: float | None = Field(
        default=None, gt=0, description="Signals and log lines on average; no limit unless set"
    )
    burst_s: float = Field(default=10, ge=0.1, le=3600, description="Seconds' worth that may come at once")


class Workers(_Section):
    """How many at once."""

    investigate: int = Field(default=4, ge=1, le=256, description="Investigations running at once")
    act: int = Field(default=4, ge=1, le=256, description="Actions executing at once")


class Retention(_Section):
    """How long the journal keeps what the ledger has. The ledger keeps everything."""

    inputs_days: float = Field(
        default=7,
        gt=0,
        description="Days of signals and commands in the journal; what looks back (similar signals, changes) sees no further",
    )
    decisions_days: float = Field(default=90, gt=0, description="Days of decisions, and of what served ended incidents")


class Telemetry(_Section):
    """Seeing inside. Nothing leaves the machine unless one of the two addresses is set."""

    service_name: str = Field(default="tocsin", description="OpenTelemetry's service.name")
    otlp_traces_endpoint: str | None = Field(
        default=None, description="OTLP/HTTP address for traces, such as http://localhost:4318/v1/traces"
    )
    sentry_dsn: SecretStr | None = Field(
        default=None, description="Where Tocsin's own errors go; a DSN of another Sentry, never of Tocsin itself"
    )
    log_format: Literal["text", "json"] = Field(default="text", description="text for a terminal, json for a collector")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least that is logged"
    )


class Emergency(_Section):
    """The bell that rings when the journal cannot be written (a full disk): see docs/emergency.md."""

    slots: int = Field(
        default=256, ge=8, le=65536, description="Pages the preallocated emergency journal can hold, 2 KiB each"
    )
    severity: Literal["critical", "error"] = Field(
        default="critical", description="Firing signals at least this bad are paged while nothing can be recorded"
    )


class JournalSettings(_Section):
    """Where the journal is. With neither address: one SQLite file in the data folder. With both: Kafka for the streams, PostgreSQL for
    the state, and any number of processes."""

    kafka: str | None = Field(default=None, description="Kafka's bootstrap servers, HOST:PORT[,HOST:PORT...]")
    postgres: SecretStr | None = Field(
        default=None, description="PostgreSQL's address, postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    )
    security: Security | None = Field(
        default=None, description="TLS and SASL towards Kafka; without it connections to the brokers are plain"
    )
    tenant: str = Field(
        default="default",
        pattern="^[a-z0-9][a-z0-9_]{0,39}$",
        description="A namespace of streams, state and ledger; each tenant has its own triage",
    )
    replicas: int = Field(
        default=1, ge=1, le=16, description="Copies of each topic that is made; 3 outlive the loss of a broker"
    )

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.kafka is None) != (self.postgres is None):
            raise ValueError("journal.kafka and journal.postgres belong together: set both, or neither")
        return self


class Configuration(_Section):
    """Everything that can be set. With no file, every default holds: local, no accounts, no model."""

    data: Path = Field(
        default=Path(".tocsin"),
        description="Folder of journal, ledger and emergency journal; relative to the configuration file",
    )
    listen: str = Field(default="127.0.0.1:8710", description="HOST:PORT of the door; port 0 takes a free one")
    health: str | None = Field(
        default=None,
        description="HOST:PORT of /healthz, /readyz and /metrics alone, for probes and scrapers; the one way to them where there is no door (`tocsin run` without ingest); port 0 takes a free one",
    )
    rules: tuple[Path, ...] = Field(
        default=(Path("rules"),), description="Files or folders of rules (*.yaml); missing default folders are no fault"
    )
    shipped_rules: bool = Field(default=True, description="Also use the rules that ship with Tocsin")
    packs: tuple[Pack, ...] | None = Field(default=None, description="Packs used beside `default`; all without it")
    playbooks: Path = Field(
        default=Path("playbooks"),
        description="Folder of playbooks (*.md, and templates/*.j2); one with a shipped playbook's name replaces it; a missing default folder is no fault",
    )
    journal: JournalSettings = Field(
        default=JournalSettings(), description="Where the journal is: embedded, or Kafka and PostgreSQL"
    )
    connectors: dict[str, Any] = Field(
        default_factory=dict, description="NAME or NAME/INSTANCE to the connector's settings: see docs/connectors/"
    )
    models: Models = Field(default=Models(), description="Who reasons: see docs/models.md")
    budgets: Budgets = Field(default=Budgets(), description="What reasoning may cost: see docs/budgets.md")
    quota: QuotaSettings = Field(default=QuotaSettings(), description="How much one door takes")
    workers: Workers = Field(default=Workers(), description="How many at once")
    retention: Retention = Field(default=Retention(), description="How long the journal keeps")
    telemetry: Telemetry = Field(default=Telemetry(), description="Traces, logs, own errors")
    emergency: Emergency = Field(default=Emergency(), description="The bell for a full disk")

    @field_validator("listen", "health")
    @classmethod
    def _is_host_and_port(cls, value: str | None) -> str | None:
        if value is None:
            return None
        host, colon, port = value.rpartition(":")
        if not colon or not host or not port.isdigit() or int(port) > 65535:
            raise ValueError("expected HOST:PORT, such as 127.0.0.1:8710")
        return value

    @property
    def host(self) -> str:
        """The host part of `listen`, without brackets."""
        return host_and_port(self.listen)[0]

    @property
    def port(self) -> int:
        """The port part of `listen`."""
        return host_and_port(self.listen)[1]


def host_and_port(address: str) -> tuple[str, int]:
    """The parts of a valid HOST:PORT, the host without brackets."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


@dataclass(frozen=True)
class Instance:
    """One configured instance of a connector, its settings validated."""

    connector: Connector
    name: str
    settings: Settings


@dataclass(frozen=True)
class Loaded:
    """A configuration with its connectors, where it came from, and its version."""

    configuration: Configuration
    instances: tuple[Instance, ...]
    file: Path | None
    folder: Path
    """Relative paths in the configuration start here."""
    version: str
    """Content hash of the file before secrets were put in; of nothing when there is no file."""

    def path(self, relative: Path) -> Path:
        """A path of the configuration, resolved."""
        return relative if relative.is_absolute() else self.folder / relative

    @property
    def data(self) -> Path:
        """The data folder, resolved."""
        return self.path(self.configuration.data)


def load(file: Path | None, *, folder: Path, environment: Mapping[str, str]) -> Loaded:
    """The configuration of `file`, or of `tocsin.yaml` in `folder` when there is one, or the defaults.

    `${NAME}` is replaced from the environment, `${file:PATH}` by a file's content without its last newline, `$$` by `$`.
    Raises DocumentInvalid with every fault at once; FileNotFoundError when a named file does not exist.
    """
    if file is None and (folder / FILE).is_file():
        file = folder / FILE
    text = file.read_text() if file is not None else ""
    base = file.parent if file is not None else folder
    document = parse_yaml(text or "{}", str(file or FILE))
    faults: list[Fault] = []
    content = _substitute(document, document.content or {}, (), environment, base, faults)
    filled = Document(document.file, document.content, document.line_offset)
    configuration = Configuration()
    try:
        configuration = Configuration.model_validate(content)
    except ValidationError as error:
        faults += faults_of(error, filled, Configuration)
    instances = _instances(content.get("connectors") if isinstance(content, dict) else None, filled, faults)
    if faults:
        raise DocumentInvalid(faults)
    return Loaded(configuration, instances, file, base, content_hash(text))


def _instances(given: Any, document: Document, faults: list[Fault]) -> tuple[Instance, ...]:
    """Those of the section `connectors`, whatever is wrong elsewhere; one that is no mapping was found wrong already."""
    configured = {key: value for key, value in given.items() if isinstance(key, str)} if isinstance(given, dict) else {}
    known = connectors_by_name()
    wanted: dict[str, str | None] = {f"{name}/default": None for name, connector in known.items() if connector.default}
    wanted |= {key if "/" in key else f"{key}/default": key for key in configured}
    instances = []
    for full, key in wanted.items():
        name, _, instance = full.partition("/")
        path = ("connectors", key) if key else ("connectors",)
        if name not in known:
            faults.append(document.fault(path, f"unknown connector {name!r}{near(name, list(known))}"))
            continue
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", instance):
            faults.append(
                document.fault(path, f"instance {instance!r} is no name; expected lower-case letters, digits, - and _")
            )
        try:
            settings = known[name].settings.model_validate((configured[key] or {}) if key else {})
        except ValidationError as error:
            inner = Document(document.file, document.content["connectors"][key] if key else {}, document.line_offset)
            faults += faults_of(error, inner, known[name].settings)
            continue
        instances.append(Instance(known[name], instance, settings))
    return tuple(instances)


def _substitute(
    document: Document,
    node: Any,
    path: tuple[str | int, ...],
    environment: Mapping[str, str],
    base: Path,
    faults: list[Fault],
) -> Any:
    if isinstance(node, dict):
        return {
            key: _substitute(document, value, (*path, key), environment, base, faults) for key, value in node.items()
        }
    if isinstance(node, list):
        return [
            _substitute(document, value, (*path, index), environment, base, faults) for index, value in enumerate(node)
        ]
    if not isinstance(node, str) or "$" not in node:
        return node

    def value_of(match: re.Match[str]) -> str:
        if match.group() == "$$":
            return "$"
        kind, name = match.groups()
        if kind == "file":
            try:
                return (base / name).read_text().rstrip("\n")
            except OSError as error:
                faults.append(document.fault(path, f"${{file:{name}}} cannot be read: {error.strerror}"))
        elif name in environment:
            return environment[name]
        else:
            faults.append(
                document.fault(
                    path,
                    f"${{{name}}} is not set in the environment; set it, or write $${{{name}}} for the text itself",
                )
            )
        return ""

    return _REFERENCE.sub(value_of, node)


def from_environment(file: Path | None) -> Loaded:
    """As the command line finds it: the process's environment and the working folder."""
    named = os.environ.get("TOCSIN_CONFIG")
    return load(file or (Path(named) if named else None), folder=Path.cwd(), environment=os.environ)
