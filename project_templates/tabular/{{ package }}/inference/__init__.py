"""The inference pipeline's steps: from new rows to published predictions."""
