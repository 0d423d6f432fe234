"""Payments and orders with the truth beside them: a generator, a score, five peers' rules and a ceiling.

Written from the public sources that are named in `habits.py`, without looking at the matcher: nothing here imports
`selaras`, and the matcher is run as a program, from files to a file.
"""
