"""Settings of one sandbox store and its clock."""

from __future__ import annotations

import datetime as dt
import random
import time
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from selaras.sandbox.faults import FaultSettings


class StoreConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How a store is set up. Empty keys are drawn from the seed, so that two runs with one seed agree.

    `amounts`         how the wire says money: decimal strings in major units, or integers in minor units
    `zone`            IANA zone of the shop; naive times in queries are read in it
    `first_number`    number of the first order
    `products`        size of the catalogue generated at the start
    `shuffle_ties`    rows of one second come in another order in every answer
    `silent_money`    payments and refunds do not move `updated_at` (nor do they fire a webhook)
    `rate`, `burst`   calls per second that one API key may make (0 = no limit), and how many at once
    `clock`           business time at the start, ISO 8601 ("" = the machine's); it ticks unless `frozen`
    `clock_skew`      seconds by which the store's clock is wrong
    `webhook_parallel`, `webhook_timeout`  deliveries under way at once; seconds until one has failed
    """

    name: str = "Toko Selaras"
    currency: str = "IDR"
    zone: str = "Asia/Jakarta"
    seed: int = 0
    host: str = "127.0.0.1"
    port: int = 0
    admin_key: str = ""
    api_key: str = ""
    read_key: str = ""
    webhook_secret: str = ""
    amounts: Literal["major", "minor"] = "major"
    first_number: int = 1001
    products: int = 0
    shuffle_ties: bool = True
    silent_money: bool = False
    rate: float = 0.0
    burst: int = 10
    clock: str = ""
    frozen: bool = False
    clock_skew: float = 0.0
    webhook_parallel: int = 4
    webhook_timeout: float = 5.0
    faults: FaultSettings = FaultSettings()

    def complete(self) -> StoreConfig:
        """The same settings with every empty key filled."""
        draw = random.Random(f"{self.seed}:keys")
        names = ("admin_key", "api_key", "read_key", "webhook_secret")
        drawn = {name: f"{name.split('_')[0]}-{draw.getrandbits(96):024x}" for name in names}
        return msgspec.structs.replace(self, **{k: v for k, v in drawn.items() if not getattr(self, k)})


class StoreClock:
    """Business time of the store: the machine's, unless it was set; then it ticks on from there, or stands.

    `now` is what orders, `updated_at` and the `Date` header say. `wall` is the machine's time (with the same
    skew): webhooks are signed with it, because what a receiver checks there is the age of a transmission.
    """

    def __init__(self, zone: str, *, start: str = "", frozen: bool = False, skew: float = 0.0) -> None:
        self.zone = ZoneInfo(zone)
        self.skew = skew
        self.frozen = False
        self._offset = 0.0
        self._stopped = 0.0
        if start:
            self.set(start)
        if frozen:
            self.freeze()

    def wall(self) -> float:
        """Unix time of the machine, with the store's skew."""
        return time.time() + self.skew

    def time(self) -> float:
        """Unix time of the store's business."""
        return self._stopped if self.frozen else self.wall() + self._offset

    def second(self) -> int:
        """The present second (Unix time): the resolution of every time the store shows."""
        return int(self.time() // 1)

    def now(self) -> dt.datetime:
        """The present second as an aware UTC instant."""
        return dt.datetime.fromtimestamp(self.second(), dt.UTC)

    def instant(self, text: str) -> dt.datetime:
        """An ISO 8601 time as an aware UTC instant; without an offset it is local time of the shop.

        Raises `ValueError`.
        """
        value = dt.datetime.fromisoformat(text.strip())
        if value.tzinfo is None:
            value = value.replace(tzinfo=self.zone)
        return value.astimezone(dt.UTC)

    def set(self, text: str) -> None:
        """Make `text` (ISO 8601) the present time. Raises `ValueError`."""
        target = self.instant(text).timestamp()
        if self.frozen:
            self._stopped = target
        else:
            self._offset = target - self.wall()

    def advance(self, seconds: float) -> None:
        """Move the clock by `seconds`."""
        if self.frozen:
            self._stopped += seconds
        else:
            self._offset += seconds

    def freeze(self) -> None:
        """Let the clock stand."""
        self._stopped = self.time()
        self.frozen = True

    def run(self) -> None:
        """Let the clock tick on from where it stands."""
        if self.frozen:
            self._offset = self._stopped - self.wall()
            self.frozen = False

    def real(self) -> None:
        """Back to the machine's time."""
        self.frozen = False
        self._offset = 0.0

    def day(self, instant: dt.datetime) -> dt.date:
        """The shop's business day of an instant."""
        return instant.astimezone(self.zone).date()
