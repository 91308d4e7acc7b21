"""Every outside system: what comes in, what we ask, what we do; and the systems Tocsin stands on."""
