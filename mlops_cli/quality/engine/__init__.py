"""The engine: what each rule measures, in as few queries as can be, and what follows."""
