"""Which Kafka is meant, what is read from it, and where something may be published."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from connectors.ports.brokers import Security
from connectors.ports.mapping.settings import MappedSettings


class KafkaSettings(MappedSettings):
    """One Kafka. What stands in its `topics` becomes signals; `kafka.publish` writes to `publish_topics` and nowhere else."""

    brokers: tuple[str, ...] = Field(default=(), description="HOST:PORT of one broker or more; the others are found")
    security: Security | None = Field(default=None, description="TLS and SASL; without it connections are plain")
    topics: tuple[str, ...] = Field(default=(), description="Topics whose messages become signals; they must exist")
    group: str = Field(
        default="tocsin", min_length=1, description="Consumer group: its position is where reading goes on"
    )
    member: str = Field(
        default="",
        max_length=249,
        description="Static membership: a name of its own for each process, such as its pod's; one that restarts keeps its partitions",
    )
    start: Literal["earliest", "latest"] = Field(
        default="earliest", description="Where a group begins that never read these topics; it keeps that position"
    )
    max_records: int = Field(default=500, ge=1, le=10_000, description="Messages made durable together")
    publish_topics: tuple[str, ...] = Field(
        default=(), description="Topics `kafka.publish` may write to, the first when none is named; they must exist"
    )

    @field_validator("brokers")
    @classmethod
    def _addresses(cls, brokers: tuple[str, ...]) -> tuple[str, ...]:
        for broker in brokers:
            host, colon, port = broker.rpartition(":")
            if not (host and colon and port.isdigit() and 0 < int(port) < 65536) or "://" in broker:
                raise ValueError(f"{broker!r} is no address; expected HOST:PORT, such as kafka.example:9092")
        return brokers

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.topics and not self.brokers:
            raise ValueError("topics are named but no brokers; set brokers to HOST:PORT of at least one")
        if both := sorted(set(self.topics) & set(self.publish_topics)):
            raise ValueError(f"{both!r} would be read and written: a loop; take them out of topics or publish_topics")
        return self
