"""Starts pipeline runs, follows them to their end, and reads what they said."""
