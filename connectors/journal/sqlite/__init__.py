"""The journal in one SQLite file, for one machine: `open_journal` to write, `open_reader` to look on, `SqliteArchive` to look back."""

from connectors.journal.sqlite.archive import SqliteArchive
from connectors.journal.sqlite.file import InUse
from connectors.journal.sqlite.journal import SqliteJournal
from connectors.journal.sqlite.opening import open_journal
from connectors.journal.sqlite.reader import SqliteReader, open_reader

__all__ = ["InUse", "SqliteArchive", "SqliteJournal", "SqliteReader", "open_journal", "open_reader"]
