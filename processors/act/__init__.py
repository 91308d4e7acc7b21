"""Acts: takes in proposals and approvals, causes each effect once as far as its remote allows, and records what came of it."""

from processors.act.loop import Act
from processors.act.prepare import Preparation
from processors.act.ring import Ringer
from processors.act.rows import ACTIONS, OPEN, QUEUE
from processors.act.worker import Worker

__all__ = ["ACTIONS", "OPEN", "QUEUE", "Act", "Preparation", "Ringer", "Worker"]
