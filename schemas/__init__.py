"""What flows: the records every part of Tocsin reads and writes, with no behaviour beyond their own shape."""

from schemas.action import Action, ActionState, Autonomy, EffectClass
from schemas.command import Command, CommandKind
from schemas.conclusion import Conclusion, Evidence, Hypothesis, ProposedAction, Verdict
from schemas.decision import Actor, Cost, Decision, DecisionKind, Versions, decide
from schemas.ids import content_hash, digest, idempotency_uuid
from schemas.incident import ExternalRef, Incident, IncidentStatus
from schemas.investigation import Investigation, InvestigationStatus, Step, StepKind, Usage
from schemas.record import Record
from schemas.severity import Severity, severity_of, severity_rank
from schemas.signal import Link, LogBatch, LogLine, Signal, SignalStatus, SignalType
from schemas.tick import Tick
from schemas.time import Micros, from_rfc3339, to_rfc3339

__all__ = [
    "Action",
    "ActionState",
    "Actor",
    "Autonomy",
    "Command",
    "CommandKind",
    "Conclusion",
    "Cost",
    "Decision",
    "DecisionKind",
    "EffectClass",
    "Evidence",
    "ExternalRef",
    "Hypothesis",
    "Incident",
    "IncidentStatus",
    "Investigation",
    "InvestigationStatus",
    "Link",
    "LogBatch",
    "LogLine",
    "Micros",
    "ProposedAction",
    "Record",
    "Severity",
    "Signal",
    "SignalStatus",
    "SignalType",
    "Step",
    "StepKind",
    "Tick",
    "Usage",
    "Verdict",
    "Versions",
    "content_hash",
    "decide",
    "digest",
    "from_rfc3339",
    "idempotency_uuid",
    "severity_of",
    "severity_rank",
    "to_rfc3339",
]
