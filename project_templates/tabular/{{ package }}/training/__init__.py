"""The training pipeline's steps: from raw rows to a version that serves."""
