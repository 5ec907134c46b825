"""Where releases lie: one adapter of the `Store` port a file."""
