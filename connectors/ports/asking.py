"""What tools of every system share: closed arguments, frozen answers, and a stretch of time around the incident's start."""

from pydantic import BaseModel, ConfigDict, Field

from connectors.ports.reading import moment
from connectors.ports.tool import ToolContext, ToolFailed
from schemas.time import SECOND, to_rfc3339


class Question(BaseModel):
    """Arguments of a tool: closed, every field defaulted."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Answer(BaseModel):
    """Result of a tool, or a part of one. No NaN and no infinity: JSON has neither."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Window(Question):
    """A stretch of time, counted from the incident's start unless `around` names another moment."""

    before_s: int = Field(default=3600, ge=0, le=30 * 86_400, description="Seconds before")
    after_s: int = Field(default=1800, ge=0, le=7 * 86_400, description="Seconds after; never past now")
    around: str = Field(default="", max_length=40, description="RFC 3339 moment; empty: the start of this incident")

    def span(self, context: ToolContext) -> tuple[int, int]:
        """(since, until) in microseconds. Raises ToolFailed when `around` is no moment, or lies in the future."""
        middle = context.incident.first_seen
        if self.around:
            found = moment(self.around)
            if found is None:
                raise ToolFailed(
                    f"around {self.around!r} is no moment; expected RFC 3339 such as {to_rfc3339(middle)!r}, or nothing"
                )
            middle = found
        since = max(0, middle - self.before_s * SECOND)
        until = min(middle + self.after_s * SECOND, context.now)
        if since >= until:
            raise ToolFailed(
                f"from {to_rfc3339(since)} to {to_rfc3339(until)} there is no time; now is {to_rfc3339(context.now)}"
            )
        return since, until


def after_start_s(at: int, context: ToolContext) -> float:
    """Seconds from the incident's start to a moment; negative before it."""
    return round((at - context.incident.first_seen) / SECOND, 1)
