"""Runs rules on given signals under a virtual clock: for tests of rules, for trying them out, and for imported ones."""
