"""`mlops.yaml`: the model, its environments, and where the project lies."""
