"""Whether an environment can be deployed to: asked of the live target, one thing at a time."""

from .examination import diagnose
from .report import Diagnosis, Finding, Status

__all__ = ["Diagnosis", "Finding", "Status", "diagnose"]
