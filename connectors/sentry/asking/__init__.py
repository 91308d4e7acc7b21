"""Questions to Sentry's own interface: issues, events, tags, suspect commits, releases."""
