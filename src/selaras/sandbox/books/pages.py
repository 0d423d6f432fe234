"""The one page that a person sees: may this application use your books?"""

from __future__ import annotations

import html
from collections.abc import Mapping

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Allow access</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:28rem;margin:4rem auto;padding:0 1rem}}
button{{font:inherit;padding:.6rem 1.2rem;margin-right:.6rem}}</style></head>
<body><h1>{company}</h1>
<p><strong>{client}</strong> asks to read and write these books.</p>
<form method="post" action="/oauth/authorize">{fields}
<button name="decision" value="allow" id="allow">Allow</button>
<button name="decision" value="deny" id="deny">Deny</button></form></body></html>"""

_ERROR = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Not possible</title></head>
<body><h1>This sign-in cannot be done</h1><p>{message}</p></body></html>"""


def consent(company: str, client: str, fields: Mapping[str, str]) -> bytes:
    """The page with its two buttons; `fields` are sent back with the answer."""
    hidden = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in fields.items()
    )
    page = _PAGE.format(company=html.escape(company), client=html.escape(client), fields=hidden)
    return page.encode()


def refusal(message: str) -> bytes:
    """A page for requests that must not be redirected anywhere (RFC 6749 §4.1.2.1)."""
    return _ERROR.format(message=html.escape(message)).encode()
