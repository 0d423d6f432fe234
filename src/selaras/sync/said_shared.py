"""What the library that connectors share says in English, for translation (see `said`)."""

from __future__ import annotations

from typing import Final

from selaras.i18n import N_
from selaras.rules.explain import Sentence

TEXTS: Final = (
    # connectors/accurate
    N_("Address to which the sign-in page returns"),
    N_("Account for rounding"),
    N_("Calls per second at most"),
    N_("Seconds that one call may take"),
    N_("Clock"),
    N_("Rights"),
    N_("journal %(reference)s"),
    # connectors/addresses.py
    N_("%(text)s cannot stand in a path"),
    N_("a path must not contain . or .. segments"),
    N_("this is not a web address: write it like https://shop.example"),
    N_("the address must not contain a password: enter it in its own setting"),
    N_("the address must end before any ? or #"),
    N_("%(host)s would be called without encryption: write https://, or allow plain http"),
    # connectors/answers.py
    N_("the answer (HTTP %(status)s, %(count)s bytes) is not the JSON that was expected"),
    # connectors/batch.py
    N_("begun, not finished: %(message)s"),
    N_("%(system)s did not say what became of it"),
    # connectors/entries.py
    N_("Plan the payout again; if it stays, book the entry by hand and link it."),
    N_("Undo what explains this bank line, or book the entry by hand and link it."),
    N_("%(what)s: debit %(debit)s and credit %(credit)s do not come to %(total)s"),
    N_("%(what)s: there is no bank line %(id)s"),
    N_("%(what)s: the bank line %(id)s is explained already"),
    N_("%(what)s: the bank line %(id)s is in %(theirs)s, not in %(currency)s"),
    N_("%(what)s: not exactly one line has the %(amount)s of the bank line %(id)s on its account"),
    N_("%(what)s: the line on %(account)s is not one of debit or credit"),
    N_("%(what)s is in %(theirs)s, and this connection writes entries in %(currency)s"),
    N_("receipt %(reference)s: these books cannot write off a difference with a receipt"),
    N_("receipt %(reference)s: %(amount)s %(money)s came, and these books cannot exchange them into %(currency)s"),
    N_("%(what)s: a line has no account"),
    N_("Book it by hand, then link it."),
    N_("Match the money without writing anything off, and book the difference by hand."),
    N_("Book this receipt and its exchange by hand, then skip this posting."),
    # connectors/erpnext
    N_("Calls at once at most"),
    N_("yes permits http to another machine"),
    N_("Link the buyer to a contact that exists in the books."),
    N_("Set the clock of one of the two servers."),
    N_("Time zone"),
    N_("Accounts"),
    N_("Currency"),
    N_("Account for %(role)s"),
    N_("Compare the credit notes on this invoice with the refunds of the order."),
    N_("Correct the amounts, so that debits and credits are equal."),
    N_("Compare the entry with the bank line: one side is that line's whole amount."),
    N_("Compare lines, tax and total of the order with each other."),
    N_("Credit the invoice first; the order itself can no longer change."),
    # connectors/filed.py
    N_("folder"),
    N_("Do it by hand, then skip it."),
    N_("Look whether the folder is there."),
    # connectors/files
    N_("Look whether this payment belongs to another store."),
    # connectors/http.py
    N_("no answer within %(seconds)s s"),
    N_("the answer is larger than %(most)s bytes"),
    N_("%(method)s %(path)s at %(name)s failed there (HTTP %(status)s)"),
    # connectors/jurnal
    N_("Code of the product for shipping"),
    N_("Code of the product for fees"),
    N_("Code of the product for rounding"),
    N_("Code of the product for sales without one"),
    N_("Product for %(role)s"),
    N_("no time left in this turn; the rest follows in the next"),
    # connectors/oauth.py
    N_("this system has no sign-in page: it signs in with its id and secret"),
    N_("the sign-in server of %(connection)s refused: %(error)s"),
    N_("the sign-in server of %(connection)s"),
    # connectors/places.py
    N_("Let the user who runs Selaras read and write the folder."),
    N_("%(label)s cannot be used: %(why)s"),
    N_("%(label)s: %(why)s while a file was put; it may be there"),
    N_("%(label)s does not permit it: %(why)s"),
    N_("%(label)s is full; nothing was written"),
    # connectors/sandbox_books
    N_("Give the connection the zone of the books, or days will be cut at different hours."),
    # connectors/settings.py
    N_("the setting %(name)s must be a number, not %(text)s"),
    N_("the setting 'taxes' must be like %(like)s, not %(part)s"),
    # connectors/sftp.py
    N_("%(label)s: the connection broke"),
    N_("%(label)s: the server's key is not the one in known_hosts"),
    N_("%(label)s: the server does not accept the user or the key"),
    N_("write the address as sftp://user@server.example/folder"),
    N_("known_hosts is needed: the line of the server's key, as ssh-keyscan prints it"),
    N_("a password or a private_key is needed to sign in to the server"),
    N_("%(label)s: the folder of %(path)s cannot be made"),
    N_("%(label)s: the connection broke while a file was put; it may be there"),
    N_("SFTP needs the package asyncssh"),
    N_("Ask whoever runs the server for its key, then put its line into known_hosts."),
    N_("Check user, password and private key in the settings of the connection."),
    N_("the file %(name)s of known_hosts cannot be read"),
    N_("%(label)s: the key in the settings cannot be read (%(error)s)"),
    N_("Install Selaras with its extra: selaras[sftp]."),
    N_("Check its path in the settings."),
    N_("Let the user of the connection read and write the folder on the server."),
    N_("Enter the key again, whole."),
    N_("%(label)s does not permit it"),
    N_("%(label)s: the server refuses (%(reason)s)"),
    # connectors/tryton
    N_("no reason given"),
    # connectors/watched.py
    N_("files send no webhooks"),
    N_("the setting %(name)s must be between 0 and %(most)s"),
    N_("folder is the whole path of a folder, or sftp://user@server.example/folder"),
    N_("the setting currency must be a code of three letters, not %(currency)s"),
)

SENTENCES: Final = tuple(Sentence(text) for text in TEXTS)
