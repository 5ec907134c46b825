"""How each result looks to a person; one module for each area, found by the result's type."""
