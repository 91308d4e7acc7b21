"""The playbook language: Markdown runbooks with front matter, their rendering and their templates."""
