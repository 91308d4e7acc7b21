"""Reads the rules of other systems and writes them in our language: Alertmanager, ansible-rulebook, Sigma, Keep."""
