"""What every room stands on: errors, exit codes, diagnostics, progress, clock, files, processes."""
