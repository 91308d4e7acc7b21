"""The rule language: conditions, windows, groups and the pure engine that decides."""
