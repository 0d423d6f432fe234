"""A small but honest store, gateway, bank and books served over real HTTP, with every fault on a switch.

Used by the demo, by the tests and by anyone who wants to replay a claim; the hub itself
imports nothing of it.
"""
