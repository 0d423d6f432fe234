"""What the command line and the server say when something cannot be done; see `selaras.sync.said`."""

from __future__ import annotations

from typing import Final

from selaras.i18n import N_
from selaras.rules.explain import Sentence

TEXTS: Final = (
    # cli/callback.py
    N_("There is no code in what was pasted."),
    N_("Paste the whole address of the page you ended on."),
    N_("The sign-in returns to %(redirect)s, which is not a page of this machine."),
    N_("Use --headless, or set redirect_uri to an address such as http://127.0.0.1:8901/oauth/done."),
    N_("The page for the sign-in cannot listen on %(host)s:%(port)s (%(why)s)."),
    N_("Stop the program that uses it, or use --headless."),
    N_("Nobody signed in within %(seconds)s seconds."),
    N_("Begin again, or use --headless on another machine."),
    N_("The sign-in was refused: %(refused)s."),
    N_("Begin again and allow the access."),
    # cli/asking.py, cli/connections.py
    N_("No public address is known."),
    N_("Name it with --public-url, or give it to `selaras serve`."),
    N_("Standard input has a line without name=value."),
    N_("Give one secret on each line."),
    N_("Standard input is not a JSON object of texts."),
    N_("Give lines of name=value instead."),
    N_("The secret %(name)s is missing."),
    N_("Put it into %(variable)s, or use --secrets-stdin."),
    # cli/house.py
    N_("A PostgreSQL database is backed up with its own tools."),
    N_("Use pg_dump."),
    # cli/products.py
    N_("%(file)s, line %(line)s: this is not UTF-8 text."),
    N_("Save the table as CSV in UTF-8 and try again."),
    # cli/remote.py
    N_("The serving process at %(url)s refused (HTTP %(status)s)."),
    N_("See its log."),
    N_("The serving process at %(url)s did not answer (%(why)s)."),
    N_("Look whether it is well, or stop it."),
    N_("The serving process at %(url)s answered in words of another version (%(why)s)."),
    N_("Restart it after an upgrade."),
    N_("The sign-in that came back is not the one begun for %(name)s."),
    N_("The token in %(path)s cannot be read (%(why)s)."),
    N_("Run this as the user who runs `selaras serve`."),
    # cli/sweep.py
    N_("Look at `selaras events`, then try again."),
    # web/server.py
    N_("Pages without sign-in are shown on this machine only, not on %(host)s."),
    N_("Use --host 127.0.0.1."),
    N_("The server ended before it answered."),
    N_("See the log."),
    N_("Cannot listen on %(host)s:%(port)s (%(why)s)."),
    N_("Choose another --port, or stop the program that uses it."),
)

SENTENCES: Final = tuple(Sentence(text) for text in TEXTS)
