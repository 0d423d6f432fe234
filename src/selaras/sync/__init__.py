"""The flows: orders in, payments in, stock out, sweep. Each is read → plan → apply → prove.

A flow calls connectors, rules and the ledger; nothing calls a flow but the engine, the web and the command line.
"""
