"""Liveness only: wake a lane now or at a time, run what is due, shut down cleanly.

Losing, repeating or stranding a job is harmless, because what has to be done stands in the ledger.
"""
