"""What back-fills, hand edits and closed days say in English: reasons, messages and cures, kept with the postings.

They stand apart from the flows, so that a face can say them in its language without loading those
(`selaras.sync.sentences`). A test compares the errors among them with the sources.
"""

from __future__ import annotations

from typing import Final

from selaras.i18n import N_
from selaras.rules.explain import Sentence

# -- documents that people typed in (sync/adopting.py) --------------------------------------------------------------

FOUND: Final = Sentence(N_("Found in the books as %(found)s with the same total, so nothing was created."))
OTHER_TOTAL: Final = Sentence(
    N_(
        "The books hold %(kind)s %(found)s under the reference %(reference)s with %(theirs)s %(currency)s; the order "
        "comes to %(ours)s %(our_currency)s."
    )
)
IS_VOID: Final = Sentence(N_("The books hold %(kind)s %(found)s under the reference %(reference)s, and it is void."))
CURE_EXISTS: Final = Sentence(
    N_(
        "Correct the one that is wrong, then `selaras link %(number)s %(kind)s %(id)s` or `selaras retry %(number)s`; "
        "to leave the order as it stands there, `selaras skip %(number)s`."
    )
)

# -- documents that people changed (sync/hand_edits.py, sync/differences.py, sync/apply.py) ----------------------------

EDITED: Final = Sentence(N_("A person changed %(kind)s %(reference)s in the books: %(fields)s."))
VOIDED: Final = Sentence(N_("A person voided %(kind)s %(reference)s in the books."))
DELETED: Final = Sentence(N_("%(kind)s %(reference)s was deleted in the books."))
CURE_EDITED: Final = Sentence(
    N_(
        "See both sides with `selaras differences`, then `selaras differences keep %(reference)s` or `selaras "
        "differences restore %(reference)s`."
    )
)
AGAIN: Final = Sentence(N_("Written again by %(who)s, over a change made in the books by hand."))
CREATED_AGAIN: Final = Sentence(N_("Created again by %(who)s: it had been deleted in the books."))
HAD_VOIDED: Final = Sentence(N_("A person had voided it in the books."))

# -- what is raised ----------------------------------------------------------------------------------------------------

TEXTS: Final = (
    # sync/apply.py
    N_("%(kind)s %(reference)s was changed by hand in the books; this change does not overwrite it."),
    N_("Compare both with `selaras differences`, then keep or restore it."),
    # sync/attention.py
    N_("None of these is blocked by a closed day."),
    N_("See `selaras blocked --cause period_closed`."),
    # sync/backfill.py, sync/backfill_status.py
    N_("A back-fill of %(store)s from %(first)s to %(last)s is running."),
    N_("Let it finish, or pause it: `selaras backfill pause %(store)s`."),
    N_("%(store)s has no first day: all its orders are posted by themselves, the old ones too."),
    N_("Say from which day on: `selaras pair %(store)s %(books)s --set begin=2026-10-01`."),
    N_("The back-fill would end on %(last)s, before it begins on %(first)s."),
    N_("Turn the days round."),
    N_("No back-fill of %(store)s is %(wanted)s (state: %(state)s)."),
    N_("See `selaras backfill status %(store)s`."),
    N_("%(books)s takes no documents at the moment."),
    N_("Resume the back-fill later."),
    # sync/differences.py
    N_("Keeping the books' version needs its reason."),
    N_("Say why with --why."),
    N_("Name documents as `selaras differences` shows them."),
    N_("No difference belongs to %(name)s."),
    N_("See `selaras differences`."),
    N_("%(kind)s %(reference)s is no longer known."),
    N_("Run `selaras sweep`, then look again."),
    N_("%(books)s lets nobody change a %(kind)s through its interface."),
    N_("Correct %(reference)s there by hand, or keep it: `selaras differences keep %(reference)s`."),
)

SENTENCES: Final = tuple(Sentence(text) for text in TEXTS)
