"""Triage: the one place where signals, commands and time become decisions about incidents."""
