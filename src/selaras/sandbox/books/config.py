"""How a books server is set up."""

from __future__ import annotations

import datetime as dt
import secrets

import msgspec

from selaras.sandbox.faults import FaultSettings


class BooksConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one books server; every default is a working value.

    `port`               0 lets the system choose
    `seed`               seed of the faults
    `zone`               IANA zone of the company; "today" is a day there
    `currencies`         currencies that documents may have (the company's own is always one of them)
    `redirect_uris`      exact redirect addresses allowed besides loopback ones (RFC 8252 §7.3)
    `access_seconds`     life of an access token
    `refresh_seconds`    life of a refresh token
    `single_use_refresh` a refresh token works once and brings a new one
    `refresh_grace`      seconds for which a used refresh token works once more, for an answer that was lost on the way
                         (Xero: 30 minutes)
    `revoke_on_reuse`    a refresh token used a second time kills every token of its grant
    `unique_references`  a second document of a kind with the same reference is refused
    `negative_stock`     False refuses an order or an invoice for goods that are not there
    `overpayment`        False refuses a receipt larger than what is owed
    `rate`               calls per second for one grant (0 = no limit), `burst` on top of it
    `parallel`           calls of one grant under way at once (0 = no limit)
    `closed_until`       documents dated on or before this day are refused
    """

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 0
    company: str = "Toko Selaras"
    currency: str = "IDR"
    currencies: tuple[str, ...] = ("IDR", "USD", "SGD", "EUR", "GBP", "JPY", "KWD")
    zone: str = "Asia/Jakarta"
    warehouses: tuple[str, ...] = ("MAIN",)
    client_id: str = "selaras"
    client_secret: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(24))
    redirect_uris: tuple[str, ...] = ()
    admin_key: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(24))
    access_seconds: float = 86_400.0
    refresh_seconds: float = 15 * 86_400.0
    single_use_refresh: bool = True
    refresh_grace: float = 0.0
    revoke_on_reuse: bool = True
    unique_references: bool = True
    negative_stock: bool = True
    overpayment: bool = True
    rate: float = 0.0
    burst: int = 10
    parallel: int = 0
    closed_until: dt.date | None = None
    faults: FaultSettings = FaultSettings()
