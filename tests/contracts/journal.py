"""What every adapter of the Journal port must hold, whatever it stands on: subclass, and say how to open one."""

from tests.contracts.journal_ends import EndContract
from tests.contracts.journal_jobs import JobContract
from tests.contracts.journal_leases import LeaseContract
from tests.contracts.journal_streams import StreamContract
from tests.contracts.journal_units import UnitContract


class JournalContract(StreamContract, UnitContract, LeaseContract, JobContract, EndContract):
    """Every sentence of `connectors/ports/journal.py`; see `OpensJournal` for what an adapter says about itself."""
