"""Which alerts are one incident: joined in time by sameness, shared labels, the graph of services and changes; background left out.

Pure: no clock, no input or output; state is plain JSON. `placing.Correlator` decides alert by alert, `second_look` corrects what was decided
when more had come, `root.root_of` names where it began, and each says why.
"""
