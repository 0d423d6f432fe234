"""Pure decisions: no I/O, no clock, no randomness, no database. Each answer carries its reasons."""
