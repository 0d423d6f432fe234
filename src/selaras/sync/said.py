"""What the ledger, the vault, the flows, the engine and the connectors' own library say in English, for translation.

They raise and keep plain English texts; a face recognises them by these patterns and says them in the reader's language
(`selaras.sync.sentences`). A test compares the list with the sources, so that neither can go its own way.
"""

from __future__ import annotations

from typing import Final

from selaras.i18n import N_
from selaras.rules.explain import Sentence

TEXTS: Final = (
    # ledger/backup.py
    N_("%(target)s exists already."),
    N_("Choose another name for the backup."),
    N_("There is no ledger in %(directory)s."),
    N_("Name the data directory with --data."),
    N_("There is no ledger at %(file)s."),
    N_("Name a backup or a data directory."),
    N_("The backup %(target)s cannot be written: %(why)s."),
    N_("Check its folder and the space there."),
    N_("The disk that holds %(directory)s is full; there is no backup."),
    N_("Free some space there."),
    N_("%(path)s is damaged."),
    N_("Restore it from an earlier backup."),
    N_("%(file)s is damaged: %(found)s."),
    N_("Restore it from a backup."),
    N_("%(file)s is incomplete: the link of %(stream)s (%(key)s) has lost its posting."),
    # ledger/connections.py
    N_("There is no connection %(name)s."),
    N_("Connections: %(names)s."),
    # ledger/database.py
    N_("SQLite %(version)s can corrupt a write-ahead log."),
    N_("Install the apsw wheel, which brings 3.51.3 or newer."),
    N_("The ledger refused a row that must not be (%(why)s)."),
    N_("The disk that holds %(path)s is full; nothing was lost."),
    N_("Free some space; work goes on by itself."),
    N_("%(path)s cannot be written (%(why)s); nothing was lost."),
    N_("Check the disk."),
    N_("%(path)s is not a readable database."),
    N_("%(path)s cannot be opened."),
    N_("Check the path and its permissions."),
    N_("%(path)s may only be read."),
    N_("Stop using it read-only, or check the file's permissions."),
    N_("%(path)s is locked by another program."),
    N_("Close that program; nothing was lost."),
    N_("The ledger is closed."),
    N_("Data directory %(directory)s cannot be used: %(why)s."),
    N_("Check the path, its permissions and the space on its disk."),
    # ledger/links.py
    N_("Undo the other link first, or choose another document."),
    N_("Another worker linked another document to the same record at this moment."),
    # ledger/lock.py
    N_("Data directory %(directory)s is in use by process %(pid)s."),
    N_("Stop that process, or give this one its own directory with --data."),
    # ledger/postgres.py
    N_("PostgreSQL cannot be reached: %(why)s."),
    N_("Check the address and that it runs."),
    N_("The disk of the PostgreSQL server is full; nothing was lost."),
    N_("Free some space."),
    N_("Another worker changes the same rows; this transaction was undone."),
    N_("The ledger refused a row that must not be (%(detail)s)."),
    N_("The database may only be read."),
    N_("Stop using it read-only."),
    N_("PostgreSQL ended the connection: %(why)s."),
    N_("What was not committed is undone; the next use connects anew."),
    # ledger/postings.py
    N_("Another worker planned the same documents."),
    N_("%(stream)s %(key)s version %(supersedes)s was claimed while planning."),
    # ledger/schema.py
    N_("The database has schema %(version)s, this Selaras reads %(known)s."),
    N_("Start Selaras once on it; that brings it up to date."),
    N_("The database has schema %(version)s, this Selaras knows up to %(known)s."),
    N_("Start the newer Selaras that wrote it."),
    # secrets.py
    N_("A key is malformed: it must be 32 bytes written as 44 characters of URL-safe base64."),
    N_("Make one with: %(command)s"),
    N_("The key file %(path)s can be read by other users (mode %(mode)s)."),
    N_("Run: chmod 600 %(path)s"),
    N_("The key file %(path)s is empty."),
    N_("Put the key back, or make one with: %(command)s"),
    N_("There is no key."),
    N_("A stored secret does not open with the present key."),
    N_(
        "Put the key back that was in use when it was stored (%(key_variable)s, %(key_file_variable)s or the "
        "file key in the data directory), or enter the credentials of the connection again."
    ),
    N_("The key file %(path)s cannot be read (%(why)s)."),
    N_("Check its path and owner."),
    N_("%(path)s is not a key file."),
    N_("Make a key with: %(command)s"),
    # sync/attention.py
    N_("A skip needs its reason."),
    N_("Say why with --why; it stands in the certificate of the month."),
    N_("Nothing was chosen."),
    N_("Name records, or choose with --cause or --all."),
    N_("Nothing is blocked by %(cause)s."),
    N_("Causes: %(names)s."),
    N_("Nothing blocked belongs to %(name)s."),
    N_("See `selaras blocked` for what is."),
    # sync/catalogues.py
    N_("%(books)s has the code %(books_code)s %(count)s times."),
    N_("Give each product of the books a code of its own first."),
    N_("No such kind of near miss: %(names)s."),
    N_("Kinds: %(names)s."),
    N_("Line 1: the column %(lacking)s is missing."),
    N_("Line %(line)s cannot be read as CSV (%(why)s)."),
    N_("Correct that line; nothing was taken."),
    N_("The first line must name the columns %(names)s."),
    N_("%(side)s has no active product with the code %(code)s."),
    N_("Check the code."),
    # sync/certificate.py
    N_("The certificate in %(out)s does not hold, line %(line)s: %(message)s"),
    N_("Check the disk and write it again."),
    N_("%(out)s cannot be written: %(why)s."),
    N_("Choose another file with --out."),
    N_("%(path)s cannot be read: %(why)s."),
    N_("Check the path."),
    # sync/connecting.py
    N_("%(name)s cannot be the name of a connection."),
    N_("Use up to 40 small letters, digits, - and _, beginning with a letter or digit."),
    N_("%(name)s takes part in the pair %(names)s."),
    N_("Remove the pair first: `selaras pair --remove`."),
    N_("%(name)s was connected after this process began."),
    N_("Restart `selaras serve`."),
    N_("%(store)s is kept in %(other)s already."),
    N_("A store is kept in one set of books; remove that pair first."),
    N_("A buffer of %(buffer)s pieces is not possible."),
    N_("Give 0 or more."),
    N_("%(store)s is not a store of a pair."),
    N_("Pairs: %(names)s."),
    N_("There is no schedule %(kind)s."),
    N_("Schedules: %(names)s."),
    N_("%(name)s: %(why)s."),
    N_("Correct that setting."),
    N_("%(zone)s is not a time zone."),
    N_("Write it as in Asia/Jakarta or Europe/London."),
    N_("%(title)s has no setting %(name)s."),
    N_("%(name)s is a secret."),
    N_("Give it by the environment, standard input or the prompt."),
    N_("The setting %(name)s is missing: %(title)s."),
    N_("Give it and try again."),
    N_("%(name)s needs no sign-in: it signs in by itself."),
    N_("Check it with `selaras connections check`."),
    N_("%(name)s is connected as %(role)s, not as %(role2)s."),
    N_("Name the store first, then the books."),
    N_("There is no choice %(name)s."),
    N_("Choices: %(names)s."),
    N_("The policy cannot be like that: %(why)s."),
    N_("See `selaras pair --help`."),
    N_("%(field)s needs a way of paying."),
    N_("Write %(field)s.transfer=1-1102."),
    # sync/decisions.py
    N_("There is no %(kind)s decision on %(subject)s."),
    N_("See `selaras undo --list` for those that hold."),
    N_("Bank line %(line)s is money out."),
    N_("Only money that came in can pay an order."),
    N_("Bank line %(line)s is in %(currency)s, order %(order)s in %(order_currency)s."),
    N_("Book the exchange in the books first."),
    N_("The books %(books)s have no active contact with the id %(contact)s."),
    N_("See `selaras contacts ties` for the contacts to choose from."),
    N_("%(kind)s is not a kind of decision."),
    N_("Kinds: product, contact, bank, skip."),
    N_("Nothing of %(name)s was skipped by a person."),
    N_("See `selaras blocked --skipped`."),
    N_("Bank line %(line)s is booked as receipt %(reference)s of %(stream)s already."),
    N_("Void that receipt in the books first."),
    N_("The contact %(reference)s is being created right now."),
    N_("Try again in a minute."),
    N_("%(kind)s %(reference)s of this buyer is still being sent."),
    N_("Undo the decision when it is done, or decide on another contact."),
    # sync/explain.py
    N_("Nothing is called %(name)s."),
    N_("Check the number, or run `selaras sweep` to read everything."),
    # sync/finding.py
    N_("There are several stores."),
    N_("Choose one with --store: %(names)s."),
    N_("No %(what)s %(name)s is known."),
    N_("%(name)s means several records: %(names)s."),
    N_("Write the one you mean like that."),
    N_("No store is kept in any books yet."),
    N_("Run `selaras pair STORE BOOKS`."),
    N_("Stores: %(names)s."),
    # sync/installation.py
    N_("There is no installation in %(data)s."),
    N_("Run `selaras connect` first, or name it with --data."),
    # sync/linking.py
    N_("Order %(order)s needs several: %(names)s."),
    N_("Choose one with --key."),
    N_("A %(kind)s cannot be linked by hand."),
    N_("%(books)s does not let a %(kind)s be read by its id."),
    N_("Skip the record instead, with the reason."),
    N_("%(books)s has no %(kind)s with the id %(books_id)s."),
    N_("Check the id in the books."),
    N_("Order %(order)s cannot be planned: %(message)s"),
    N_("Order %(order)s needs no %(kind)s that is not in the books already."),
    N_("See `selaras explain %(order)s`."),
    N_("%(kind)s %(number)s of %(books)s is void."),
    N_("Choose a living document."),
    N_("%(kind)s %(number)s of %(books)s says %(theirs)s %(currency)s, the order comes to %(ours)s %(our_currency)s."),
    N_("Correct the document in the books, or choose another one."),
    N_("%(kind)s %(reference)s is being sent; its answer is not clear yet."),
    # sync/replanning.py
    N_("Name orders, or choose with --from, --to or --all."),
    # sync/stock_history.py
    N_("No books know the product code %(code)s."),
    N_("See `selaras products` for the codes of both sides."),
    # connectors/http.py
    N_("%(what)s at %(name)s: %(trouble)s"),
    N_("no time left for a call to %(name)s in this turn"),
    N_("%(name)s cannot be reached: %(_before)s"),
    N_("%(what)s at %(name)s: %(trouble)s; it may have taken effect"),
    N_("%(name)s asks to wait %(wait)s s"),
    N_("%(name)s does not accept the credentials of this connection"),
    N_("Check the key in the settings of the connection, or connect it again."),
    N_("%(what)s; it may have taken effect"),
    # connectors/oauth.py
    N_("the sign-in that came back is not the one begun for %(connection)s"),
    N_("Begin the sign-in again and finish it in the same browser."),
    N_("%(connection)s: the client id or secret is not accepted"),
    N_("Check the client id and secret in the settings of the connection."),
    N_("the sign-in server of %(connection)s gave no token (HTTP %(status)s)"),
    N_("%(connection)s is not signed in"),
    N_("the sign-in of %(connection)s has ended"),
    # sync/apply.py
    N_("The document %(key)s that this one refers to is not in the books."),
    N_("Link the document that exists, or retry the one before this."),
    N_("There is no %(kind)s %(reference)s of ours in the books to %(op)s."),
    N_("Link the document that exists, or skip this posting."),
    N_("%(kind)s %(reference)s: the books say %(theirs)s %(currency)s, we meant %(ours)s %(currency2)s."),
    N_("Compare the two documents; correct the one in the books, then retry."),
    # sync/payments.py
    N_("Say which order it pays with `selaras link`, or skip it."),
    N_("No unpaid order fits this payment."),
    N_("a person booked this receipt in the books"),
    N_("This line is money out, it pays no order."),
    N_("A person has reconciled this line in the books."),
    # sync/orders.py
    N_("the money was found in the bank"),
    N_("a person decided that this buyer is a new contact"),
    N_("a person chose this contact"),
    # ledger/links.py, ledger/postings.py
    N_(
        "%(kind)s %(reference)s is document %(number)s in %(target)s, and %(target2)s now answers with "
        "another one, %(other)s."
    ),
    N_(
        "%(kind)s %(number)s of %(target)s belongs to %(owner)s (%(owner_key)s) already and cannot be that "
        "of %(stream)s (%(key)s)."
    ),
    N_("Void the document that is too many in %(target)s, then retry."),
    # engine
    N_("The sweep found %(count)s differences."),
    N_("The store had switched our webhook off; it is on again."),
    N_("The grant of %(name)s ends in %(days)s days; connect it again."),
    N_("%(text)s is not a schedule: write 'on event', 'every 5m', 'daily 06:00' or 'weekly mon 06:00'."),
    # connectors
    N_("it does not accept the connection"),
    N_("its name is not known"),
    N_("its TLS certificate or handshake is not in order"),
    N_("the answer broke off"),
    N_("the answer is not proper HTTP"),
    N_("the connection broke before the answer"),
    N_("this connector is closed"),
    N_("there is no connector %(name)s: %(hint)s"),
    N_("There is no connector %(name)s: %(hint)s"),
    N_("did you mean %(names)s?"),
    N_("known are %(names)s"),
    N_("none is installed"),
)

SENTENCES: Final = tuple(Sentence(text) for text in TEXTS)
