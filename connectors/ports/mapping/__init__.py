"""Content of any shape as signals: a configured mapping, common names, CloudEvents."""
