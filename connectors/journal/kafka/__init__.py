"""The journal on Apache Kafka and PostgreSQL, for several machines: `open_kafka_journal` to open it, `KafkaArchive` to look back."""

from connectors.journal.kafka.archive import KafkaArchive
from connectors.journal.kafka.journal import KafkaJournal
from connectors.journal.kafka.opening import open_kafka_journal

__all__ = ["KafkaArchive", "KafkaJournal", "open_kafka_journal"]
