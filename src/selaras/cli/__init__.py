"""The command line: a thin face over the same operations as the web."""
