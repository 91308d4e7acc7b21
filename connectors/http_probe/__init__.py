"""HTTP probe: asks allowed addresses whether they answer."""

from collections.abc import Sequence

from connectors.http_probe.settings import HttpProbeSettings
from connectors.ports.connector import Connector
from connectors.ports.tool import Tool


def tools(settings: HttpProbeSettings, _instance: str) -> Sequence[Tool]:
    """The tool, where there is an address that may be probed."""
    if not (settings.targets or settings.hosts):
        return ()
    from connectors.http_probe.probe import HttpProbe  # reads certificates with a library of 7 MB

    return (HttpProbe(settings),)


connector = Connector(
    name="http_probe",
    summary="Probes allowed HTTP addresses: answer, time, certificate",
    settings=HttpProbeSettings,
    tools=tools,
)
