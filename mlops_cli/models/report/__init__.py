"""One page a model: versions, champion, drift, quality, decisions, ageing, releases."""

from .write import ModelReport, report

__all__ = ["ModelReport", "report"]
