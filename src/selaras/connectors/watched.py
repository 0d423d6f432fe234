"""What connectors that watch a folder have in common: where it is, how long a file must stand still, and that files
call nobody."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from zoneinfo import ZoneInfo

from selaras.connectors.contract import BadSignature, Hint, Settings, Tools, Webhook
from selaras.connectors.inbox import MIB
from selaras.connectors.places import LocalPlace, Place
from selaras.connectors.sftp import SftpPlace
from selaras.model.money import EXPONENTS


class Watched:
    """A folder, the currency of what lies there, the largest file in bytes, and seconds that a file must stand still.

    Raises `ValueError` naming the setting that is wrong.
    """

    sources: frozenset[str] = frozenset()

    def __init__(self, settings: Settings, tools: Tools, place: Place | None) -> None:
        self.place = place_of(settings) if place is None else place
        self.zone = ZoneInfo(tools.zone)
        self.currency = (settings.get("currency") or "IDR").upper()
        if self.currency not in EXPONENTS:
            raise ValueError(f"the setting currency must be a code of three letters, not {self.currency}")
        self.most = int(number_of(settings, "max_mb", "64", 2000)) * MIB
        self.quiet = seconds_of(number_of(settings, "quiet", "10", 86_400))
        self._clock = tools.clock

    def _knows(self, kind: str) -> None:
        if kind not in self.sources:
            raise ValueError(f"there is no {kind} in these files")

    def hints(self, webhook: Webhook) -> list[Hint]:
        """Files send no webhooks, so none can be theirs."""
        raise BadSignature("files send no webhooks")

    async def subscribe(self, url: str) -> str:
        """There is nothing to subscribe to."""
        return "none"

    async def close(self) -> None:
        """Let go of the folder."""
        await self.place.close()


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
