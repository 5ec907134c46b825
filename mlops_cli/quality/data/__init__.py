"""Data: files read strictly, and the locked connections their rows are queried on."""
