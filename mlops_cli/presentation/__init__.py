"""Result types to screen: the only room that prints; stdout is data, stderr is talk."""

from .output import configure, interrupted, progress, show, show_crash, show_error

__all__ = ["configure", "interrupted", "progress", "show", "show_crash", "show_error"]
