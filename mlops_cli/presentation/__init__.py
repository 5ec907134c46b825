"""Result types to screen: the only room that prints; stdout is data, stderr is talk."""

from .output import (
    configure,
    interrupted,
    nobody_reads,
    prepare_streams,
    progress,
    show,
    show_crash,
    show_error,
)

__all__ = [
    "configure",
    "interrupted",
    "nobody_reads",
    "prepare_streams",
    "progress",
    "show",
    "show_crash",
    "show_error",
]
