"""Books: a small accounting application that keeps honest accounts and misbehaves on request.

It has what the larger ones have in common: OAuth 2.0, batches whose items fail alone inside HTTP 200, lists in the
order of change, a search that lags, totals that it works out itself, periods that close, a rate limit. What it has
beyond them is `/sandbox/truth`: what really is in the books, so that every claim about a hub can be checked.

Run it with `python -m selaras.sandbox.books`, or inside a test with `async with serve_books(config) as server`.
"""

from selaras.sandbox.books.config import BooksConfig
from selaras.sandbox.books.server import BooksServer, serve_books
from selaras.sandbox.books.state import Books

__all__ = ["Books", "BooksConfig", "BooksServer", "serve_books"]
