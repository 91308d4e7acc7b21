"""The evidence engine: pure functions over what tools returned, whatever tool it was.

`reading` recognises series, spans, log lines, commits, changes and states by their shape; the other modules say what follows from them.
No I/O, no clock, no model. docs/analyst.md describes each part and its numbers.
"""
