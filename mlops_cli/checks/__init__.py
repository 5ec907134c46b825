"""Proves a project before it leaves the machine: coded checks, its own tests, its own pipeline."""

from .run import validate

__all__ = ["validate"]
