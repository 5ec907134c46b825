"""The monitoring pipeline's steps: from published predictions to a report, or a new training."""
