"""The journal on Apache Kafka and PostgreSQL, for several machines: `open_kafka_journal` to open it, `KafkaArchive` to look back."""

from connectors.journal.kafka.archive import KafkaArchive
from connectors.journal.kafka.examine import Look, examine_servers
from connectors.journal.kafka.journal import KafkaJournal
from connectors.journal.kafka.opening import open_kafka_journal
from connectors.journal.kafka.presence import Present
from connectors.journal.kafka.standing import Held, Lag

__all__ = ["Held", "KafkaArchive", "KafkaJournal", "Lag", "Look", "Present", "examine_servers", "open_kafka_journal"]
