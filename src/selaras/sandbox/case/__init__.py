"""The founding case as data and people: who buys what, who types, who pays, who packs, and what it comes to.

Everything here is done over the public HTTP of the sandbox's store and books. Nobody in this package knows of a hub;
whoever plays the case says through a callback how to wait until the systems around it are quiet.

`goods`    the catalogue of a Jakarta online store, and what lies on its shelf
`script`   six days in September 2018, drawn from a seed: 516 orders, counter sales, purchases
`people`   buyers, the bank, the warehouse, the counter and the typist
`play`     one act: the days in order
`figures`  what both systems say about it (their `/sandbox/truth`), and whether they say the same
`invoices` a real retailer's invoices (UCI Online Retail) as documents of the sandbox's store
"""
