"""What the feeds in files (statements, settlements) say in English of a folder and a file (see `said`)."""

from __future__ import annotations

from typing import Final

from selaras.i18n import N_
from selaras.rules.explain import Sentence

TEXTS: Final = (
    # connectors/filed.py, connectors/inbox.py
    N_("%(file)s, row %(row)s, column %(column)s: %(why)s"),
    N_("%(file)s, row %(row)s: %(why)s"),
    N_("%(file)s: %(why)s"),
    N_("%(place)s: there is no folder in/"),
    N_("Make the folder in/ there: it is where files are dropped."),
    N_("%(place)s: %(file)s cannot be moved to done/"),
    N_("%(place)s: %(file)s cannot be moved to refused/"),
    N_("a program is still writing it"),
    N_("a spreadsheet program has it open"),
    N_("it may still be written"),
    N_("its end looks broken off"),
    N_("%(count)s files were taken"),
    N_("these files cannot %(op)s a %(kind)s"),
    N_("it is larger than %(size)s MB"),
    N_("Split it, or raise the setting max_mb."),
    N_("it can be read no longer, so what it holds is not known"),
    # connectors/statements
    N_("%(count)s lines, layout %(names)s"),
    N_("%(count)s lines, %(gateway)s"),
    N_("it is of account %(numbers)s, this connection is of %(wanted)s"),
    N_("Give each bank account a connection and a folder of its own."),
    N_("it holds several accounts (%(numbers)s)"),
    N_("Say in the setting number which of them this connection is of."),
    N_("the account is in %(one)s, this connection in %(two)s"),
    N_("Correct the setting currency, or give the account a connection of its own."),
    N_("Name the right one in the setting layout, or put a layout of your own into layouts/."),
    N_("Correct the file in layouts/."),
    # connectors/settlements
    N_("batch %(batch)s is in %(one)s, the files before it said %(two)s"),
    N_("Export the report again and do not change the file."),
    # settings
    N_("Bank statements in files"),
    N_("Settlement reports in files"),
    N_("Folder with in/: its whole path, or sftp://user@server.example/folder"),
    N_("The account of the books in which this bank account is kept: its id there"),
    N_("Number of the bank account, where files hold several"),
    N_("Currency of the bank account"),
    N_("Layout of tables that do not tell their bank"),
    N_("Whose reports they are, where their columns do not tell"),
    # files/amounts.py
    N_("%(text)s may mean thousands or decimals"),
    N_("Say which in a layout of your own (`selaras statement preview --decimal`)."),
    N_("%(text)s does not fit the decimal mark of the rest of the column"),
    N_("%(text)s is not an amount"),
    # files/camt.py
    N_("it declares entities or a document type, which no bank's statement needs"),
    N_("it is not whole XML (%(error)s)"),
    N_("it holds no statement"),
    N_("nothing says its currency"),
    N_("the balance is in %(one)s, the account in %(two)s"),
    N_("the closing balance is missing; the file may be cut off"),
    N_("it holds no transactions and no balance"),
    N_("nothing says which account it is of"),
    N_("no mark says whether the money came in or went out"),
    N_("two different totals are printed"),
    N_("the amount is in %(one)s, the account in %(two)s"),
    N_("the status %(text)s is not known"),
    N_("it has no day of booking"),
    # files/checks.py
    N_("the balance is %(balance)s, but %(before)s and %(amount)s come to %(sum)s"),
    N_(
        "the opening balance %(opening)s and the rows (%(moved)s) come to %(sum)s, not to the "
        "closing balance %(closing)s"
    ),
    N_("the total is %(total)s, but the rows come to %(sum)s"),
    N_("%(count)s rows are announced, but there are %(found)s"),
    # files/dates.py
    N_("%(text)s names no month"),
    N_("%(text)s has its month first; dates of bank statements are read day first"),
    N_("Export the file again with the bank's own dates; a spreadsheet may have turned them round."),
    N_("%(text)s has no year, and the file's period does not tell it"),
    N_("Export the file with its heading, where the period stands."),
    N_("%(text)s is not a date"),
    N_("there is no day %(text)s"),
    N_("the period %(text)s ends before it begins"),
    # files/heading.py
    N_("two accounts are named: %(one)s and %(two)s"),
    # files/identity.py
    N_("between %(one)s and %(two)s the balance moves by %(change)s, but the rows of the exports come to %(sum)s"),
    N_("Export these days once more, whole, and merge that file instead."),
    # files/mt940.py
    N_("it holds no fields of MT940"),
    N_("a page ends with %(closing)s, the next one begins with %(opening)s"),
    N_("the field %(what)s is missing; the file may be cut off"),
    N_("%(text)s is not a balance"),
    N_("it is in %(one)s, the statement in %(two)s"),
    N_("%(text)s is not a statement line"),
    # files/ofx.py
    N_("the bank answered with an error: %(text)s"),
    N_("Ask the bank for the statement again."),
    N_("it repeats the transaction of row %(earlier)s (%(text)s)"),
    # files/order.py
    N_("its days go forth and back and its balances do not follow each other"),
    # files/refusal.py
    N_("Export this period again from the bank and do not change the file."),
    N_("Name the right one with --layout, or save your own with `selaras statement preview`."),
    N_("Correct the cell as the bank shows it, or export the period again."),
    # files/rows.py
    N_("it has %(count)s cells, the header has %(width)s"),
    N_("the mark %(flag)s is not known"),
    N_("the amount is missing"),
    N_("the amount has a sign where a mark should say its direction"),
    N_("debit (%(debit)s) and credit (%(credit)s) are both filled"),
    N_("the amount is below zero"),
    N_("neither debit nor credit is filled"),
    N_("%(day)s lies outside the period of the statement, %(first)s to %(last)s"),
    N_("%(before)s and %(amount)s do not come to the balance %(balance)s"),
    N_("it does not print its %(what)s; it may be cut off"),
    N_("it holds no transactions"),
    N_("Export a period in which something happened."),
    N_("it prints one set of totals for several accounts"),
    N_("it is of the account %(one)s, not %(two)s"),
    # files/statements.py
    N_("it is a PDF, whose columns cannot be read with certainty"),
    N_("Export CSV, XLSX or MT940 instead."),
    N_("it is a workbook of the old kind, or has a password"),
    N_("Save it as XLSX or CSV."),
    N_("it is not a text table"),
    N_("it is larger than %(size)s MB"),
    N_("Export a shorter period."),
    N_("it is empty"),
    N_("there is no layout %(name)s"),
    N_("`selaras statement layouts` lists them."),
    N_("the header of the layout %(name)s is not in it"),
    N_("it fits several layouts: %(names)s"),
    N_("its columns are those of %(names)s, but nothing above them names that bank"),
    N_("its columns are those of no layout that is known"),
    # files/tables.py
    N_("the line is not CSV (%(error)s)"),
    N_("Look at the quotes of that line."),
    N_("it is not a whole XLSX workbook"),
    N_("unpacked it would be larger than %(size)s MB"),
    N_("it cannot be opened as XLSX (%(error)s)"),
    N_("it has more than %(count)s rows"),
    # connectors/settlements
    N_("the setting gateway is one of %(names)s"),
    # connectors/statements
    N_("account is the id of an account of the books: the one that this bank account is kept in"),
)

SENTENCES: Final = tuple(Sentence(text) for text in TEXTS)
