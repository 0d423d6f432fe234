"""Settings of connectors that watch a folder: where it is, and how long a file must stand still."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path

from selaras.connectors.contract import Settings
from selaras.connectors.places import LocalPlace, Place
from selaras.connectors.sftp import SftpPlace


def number_of(settings: Settings, name: str, default: str, most: int) -> Decimal:
    """A setting that is a number from 0 to `most`. Raises `ValueError` naming it."""
    text = settings.get(name) or default
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"the setting {name} must be a number, not {text}") from None
    if not 0 <= value <= most:
        raise ValueError(f"the setting {name} must be between 0 and {most}")
    return value


def place_of(settings: Settings) -> Place:
    """The folder that the settings name. Raises `ValueError` naming the setting that is wrong."""
    where = settings.get("folder", "").strip()
    if where.startswith("sftp:"):
        return SftpPlace(
            where,
            known_hosts=settings.get("known_hosts", ""),
            password=settings.get("password", ""),
            private_key=settings.get("private_key", ""),
        )
    path = Path(where).expanduser()
    if not where or "://" in where or not path.is_absolute():
        raise ValueError("folder is the whole path of a folder, or sftp://user@server.example/folder")
    return LocalPlace(path)


def seconds_of(value: Decimal) -> float:
    """Seconds for a clock, to the millisecond."""
    return int(value * 1000) / 1000
