"""`tocsin init`: a folder to begin with."""

from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli.output import NO, explained, fail, show

CONFIGURATION = """\
# Tocsin's configuration. Everything here may be left out; docs/configuration.md has every field.
# ${NAME} takes a value from the environment, ${file:PATH} from a file.

# data: .tocsin                 # journal, ledger, emergency journal
# listen: 127.0.0.1:8710

connectors:
  sentry:
    # client_secrets: ["${SENTRY_CLIENT_SECRET}"]   # of the integration whose webhook points at /in/sentry
    # projects: {"1": {keys: ["${SENTRY_KEY}"], service: checkout}}   # for SDKs whose DSN points here
  alertmanager:
    # tokens: ["${ALERTMANAGER_TOKEN}"]             # http_config.authorization of the webhook
  linear:
    # api_key: ${LINEAR_API_KEY}
    # team: OPS
    # webhook_secrets: ["${LINEAR_WEBHOOK_SECRET}"]
"""
RULES = """\
# Your rules, beside those that ship. `tocsin rules check` finds every fault; docs/rules.md explains every key.
rules:
  - name: checkout-errors
    when: source == "sentry" && service == "checkout" && severity in ["error", "critical"]
    group_by: [service, group_key]
    priority: 10
    playbook: checkout-error
"""
PLAYBOOK = """\
---
name: checkout-error
description: An error in checkout.
gather: [sentry.latest_event, signals.around, changes.before, incidents.similar]
verdicts:
  noise: []
  duplicate: [linear.comment]
  known: [linear.comment]
  actionable: [linear.create_issue]
  urgent: [linear.create_issue, page]
autonomy: {linear.create_issue: propose, linear.comment: propose, page: propose}
---
# {{ incident.title | quote }}

Checkout takes the money: look at the payment provider's status page first, then at what was deployed last.
"""
FILES = {
    "tocsin.yaml": CONFIGURATION,
    "rules/checkout.yaml": RULES,
    "playbooks/checkout-error.md": PLAYBOOK,
    ".gitignore": ".tocsin/\n",
}


def add_to(app: typer.Typer) -> None:
    """Offer the commands of this module."""
    app.command()(init)


def init(folder: Annotated[Path, typer.Argument(help="Where; made if it is not there")] = Path()) -> None:
    """Write a commented tocsin.yaml, one rule and one playbook. Overwrites nothing."""
    there = [name for name in FILES if (folder / name).exists() and name != ".gitignore"]
    if there:
        fail(NO, f"{', '.join(there)} in {folder} would be overwritten; name another folder")
    with explained():
        for name, content in FILES.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if not file.exists():
                file.write_text(content)
    show(f"Written to {folder}: {', '.join(FILES)}. Next: cd {folder} && tocsin doctor && tocsin up")
