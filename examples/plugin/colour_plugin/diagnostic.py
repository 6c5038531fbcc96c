"""A diagnostic that is a rate over samples; the docstring of its function is the definition that reports show."""

from harness.diagnostics.evidence import Evidence
from harness.diagnostics.specs import rate


def shouting(evidence: Evidence) -> bool | None:
    """Share of the responses that are written in capitals throughout."""
    text = evidence.record.response.text
    return text.isupper() if text else None


SHOUTING = rate(shouting, "not applicable: every response is empty", title="responses in capitals", headline=True)
