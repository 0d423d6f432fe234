"""Files in a watched folder or behind SFTP, as a store and as books: CSV and XLSX with the guarantees of an API.

The folder is the system: Selaras keeps nothing of it anywhere else. `in/` is where files are dropped, `out/` where
files wait to be picked up, `sent/` the proof of what was written, `profiles/` the column mappings saved by name,
`refused/` the lines that could not be taken.
"""

from __future__ import annotations

from selaras.connectors.contract import Connector, ConnectorType, Setting, Settings, Tools
from selaras.connectors.files.books import FileBooks
from selaras.connectors.files.store import FileStore


def build_store(settings: Settings, tools: Tools) -> Connector:
    """A store in files. Raises `ValueError` naming the setting that is wrong."""
    return FileStore(settings, tools)


def build_books(settings: Settings, tools: Tools) -> Connector:
    """Books in files. Raises `ValueError` naming the setting that is wrong."""
    return FileBooks(settings, tools)


SETTINGS = (
    Setting("folder", "Folder with in/ and out/: its whole path, or sftp://user@server.example/folder"),
    Setting("password", "SFTP: password", secret=True, required=False),
    Setting("private_key", "SFTP: private key (OpenSSH or PEM text)", secret=True, required=False),
    Setting("known_hosts", "SFTP: the line of the server's key, or the path of a known_hosts file", required=False),
    Setting("currency", "Currency where a file names none", required=False, default="IDR"),
    Setting("profile", "Profile for files that no saved profile names", required=False),
    Setting("quiet", "Seconds that a file must stand still before it is read", required=False, default="10"),
    Setting("max_mb", "Largest file in MB", required=False, default="64"),
    Setting("format", "How files are written: csv, csv; or xlsx", required=False, default="csv"),
)

CONNECTOR = ConnectorType(
    name="files",
    title="Files (CSV, XLSX): a store",
    role="store",
    settings=SETTINGS,
    build=build_store,
    docs="src/selaras/connectors/files/README.md",
)

BOOKS = ConnectorType(
    name="files_books",
    title="Files (CSV, XLSX): books",
    role="books",
    settings=SETTINGS,
    build=build_books,
    docs="src/selaras/connectors/files/README.md",
)

__all__ = ["BOOKS", "CONNECTOR", "SETTINGS", "FileBooks", "FileStore", "build_books", "build_store"]
