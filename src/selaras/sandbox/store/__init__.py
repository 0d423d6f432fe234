"""A small web shop with its bank, served over real HTTP, with the traps of real shops on switches.

`python -m selaras.sandbox.store --port N --seed S` runs it; `async with serve_store(StoreConfig()) as store:` does so
inside a test.
"""

from selaras.sandbox.store.config import StoreConfig
from selaras.sandbox.store.server import StoreServer, serve_store

__all__ = ["StoreConfig", "StoreServer", "serve_store"]
