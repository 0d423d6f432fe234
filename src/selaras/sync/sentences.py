"""Saying in the reader's language what was kept in English: reasons, causes, messages and cures.

What the rules say is recognised by their own sentences (`selaras.rules.explain`); what the ledger, the flows and the
operations say, by the ones below. A text of another system, or of nobody we know, is shown as it came.
"""

from __future__ import annotations

from selaras.i18n import gettext
from selaras.rules.explain import translated


def spoken(text: str) -> str:
    """A kept text in the language of the moment; several reasons joined by "; " are said one by one."""
    whole = translated(text, gettext)
    if whole != text or "; " not in text:
        return whole
    return "; ".join(translated(part, gettext) for part in text.split("; "))
