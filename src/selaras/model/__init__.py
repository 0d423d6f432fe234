"""The canonical vocabulary. Plain typed values, no I/O, nothing of ours imported from outside this room."""
