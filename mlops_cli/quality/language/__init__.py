"""The language: lexer, parser, model, printer, and the table of rule types."""
