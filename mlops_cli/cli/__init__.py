"""Typer only: parse, load, one verb, return its result; nothing here prints or catches."""
