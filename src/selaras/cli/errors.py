"""Whatever goes wrong as one sentence for a person: what, where, and how to mend it."""

from __future__ import annotations

from selaras.cli import said
from selaras.connectors.contract import BadSignature, ConnectorError
from selaras.connectors.registry import UnknownConnector
from selaras.i18n import _
from selaras.ledger.errors import LedgerError
from selaras.secrets import KeyProblem, redact
from selaras.sync.sentences import spoken

KNOWN = said.SENTENCES


def sentence(error: Exception) -> str:
    """One line, in the language of the moment, with no secret in it."""
    if isinstance(error, LedgerError | ConnectorError | KeyProblem):
        parts = [spoken(error.message), spoken(error.cure)]
        return _one_line(" ".join(_ended(part) for part in parts if part))
    if isinstance(error, UnknownConnector):
        text = str(error)
        return _one_line(_ended(spoken(text[:1].upper() + text[1:])))
    if isinstance(error, BadSignature):
        return _one_line(_ended(str(error)))
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return _one_line(
            _("%(where)s%(why)s. Check the path and its permissions.", where=where, why=error.strerror or error)
        )
    kind = type(error).__name__
    return _one_line(
        _(
            "A fault in Selaras (%(kind)s: %(why)s): nothing that was begun is lost. "
            "Run the command again with SELARAS_DEBUG=1 and report what it shows.",
            kind=kind,
            why=error,
        )
    )


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?", ":")) else f"{text}."


def _one_line(text: str) -> str:
    return " ".join(redact(text).split())
