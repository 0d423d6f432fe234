-- Schema 4 of the ledger on sqlite with rows in every table, frozen: an upgrade test opens it. Never edit.
CREATE TABLE schema_version (version BIGINT NOT NULL);
CREATE TABLE connection (
        name TEXT PRIMARY KEY, type TEXT NOT NULL, role TEXT NOT NULL, zone TEXT NOT NULL, settings TEXT NOT NULL,
        sealed TEXT NOT NULL, created_at BIGINT NOT NULL);
CREATE TABLE credential (
        connection TEXT PRIMARY KEY, sealed TEXT NOT NULL, expires_at BIGINT NOT NULL, updated_at BIGINT NOT NULL);
CREATE TABLE lane (
        name TEXT PRIMARY KEY, owner TEXT NOT NULL, until BIGINT NOT NULL, epoch BIGINT NOT NULL,
        paused_until BIGINT NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT '');
CREATE TABLE setting (
        name TEXT PRIMARY KEY, value TEXT NOT NULL, version BIGINT NOT NULL, at BIGINT NOT NULL);
CREATE TABLE poll_cursor (
        connection TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, polled_at BIGINT NOT NULL,
        PRIMARY KEY (connection, kind));
CREATE TABLE hint (
        connection TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, bumps BIGINT NOT NULL, due BIGINT NOT NULL,
        tries BIGINT NOT NULL, via TEXT NOT NULL, at BIGINT NOT NULL, message TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (connection, kind, id));
CREATE INDEX hint_due ON hint (connection, kind, due);
CREATE TABLE record (
        connection TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, number TEXT NOT NULL, day TEXT NOT NULL,
        version BIGINT NOT NULL, planned BIGINT NOT NULL, digest TEXT NOT NULL, updated_at BIGINT NOT NULL,
        seen_at BIGINT NOT NULL, open BIGINT NOT NULL, total BIGINT, currency TEXT NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (connection, kind, id));
CREATE INDEX record_day ON record (connection, kind, day);
CREATE INDEX record_number ON record (number);
CREATE INDEX record_unplanned ON record (connection, kind, seen_at) WHERE planned < version;
CREATE INDEX record_open ON record (connection, kind, updated_at) WHERE open = 1;
CREATE TABLE sighting (
        connection TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, version BIGINT NOT NULL, digest TEXT NOT NULL,
        seen_at BIGINT NOT NULL, via TEXT NOT NULL, raw BLOB NOT NULL,
        PRIMARY KEY (connection, kind, id, version));
CREATE TABLE census (
        connection TEXT NOT NULL, kind TEXT NOT NULL, day TEXT NOT NULL, currency TEXT NOT NULL, count BIGINT NOT NULL,
        total BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (connection, kind, day, currency));
CREATE TABLE posting (
        id INTEGER PRIMARY KEY, target TEXT NOT NULL, stream TEXT NOT NULL, key TEXT NOT NULL, version BIGINT NOT NULL,
        kind TEXT NOT NULL, op TEXT NOT NULL, connection TEXT NOT NULL, record_kind TEXT NOT NULL,
        record_id TEXT NOT NULL, reference TEXT NOT NULL, document BLOB NOT NULL, digest TEXT NOT NULL,
        needs TEXT NOT NULL, total BIGINT, currency TEXT NOT NULL, state BIGINT NOT NULL, due BIGINT NOT NULL,
        tries BIGINT NOT NULL, prior BIGINT NOT NULL DEFAULT 0, reason TEXT NOT NULL, cause TEXT NOT NULL DEFAULT '',
        field TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '', cure TEXT NOT NULL DEFAULT '',
        by_whom TEXT NOT NULL DEFAULT '', created_at BIGINT NOT NULL, settled_at BIGINT,
        CONSTRAINT one_posting_per_version UNIQUE (target, stream, key, version));
CREATE INDEX posting_due ON posting (target, due, id) WHERE state < 2;
CREATE INDEX posting_queue ON posting (target, stream, id) WHERE state IN (0, 1, 3);
CREATE INDEX posting_stream ON posting (target, stream);
CREATE INDEX posting_record ON posting (connection, record_kind, record_id);
CREATE INDEX posting_blocked ON posting (cause) WHERE state = 3;
CREATE TABLE link (
        target TEXT NOT NULL, stream TEXT NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL, target_id TEXT NOT NULL,
        number TEXT NOT NULL, reference TEXT NOT NULL, total BIGINT, currency TEXT NOT NULL, version BIGINT NOT NULL,
        posting BIGINT NOT NULL, linked_at BIGINT NOT NULL, PRIMARY KEY (target, stream, key));
CREATE UNIQUE INDEX one_link_per_document ON link (target, kind, target_id) WHERE kind <> 'contact';
CREATE TABLE attempt (
        posting BIGINT NOT NULL, try BIGINT NOT NULL, at BIGINT NOT NULL, act TEXT NOT NULL, outcome TEXT NOT NULL,
        message TEXT NOT NULL, PRIMARY KEY (posting, try, at, act));
CREATE TABLE decision (
        id INTEGER PRIMARY KEY, connection TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, answer TEXT NOT NULL,
        how TEXT NOT NULL, at BIGINT NOT NULL, undone_at BIGINT);
CREATE UNIQUE INDEX decision_live ON decision (connection, kind, subject) WHERE undone_at IS NULL;
CREATE TABLE event (
        id INTEGER PRIMARY KEY, at BIGINT NOT NULL, connection TEXT NOT NULL, level TEXT NOT NULL, code TEXT NOT NULL,
        message TEXT NOT NULL);
ALTER TABLE posting ADD COLUMN place BIGINT;
DROP INDEX posting_queue;
CREATE INDEX posting_queue ON posting (target, stream, (COALESCE(place, id))) WHERE state IN (0, 1, 3);
DROP INDEX posting_stream;
CREATE INDEX record_id ON record (id);
CREATE TABLE unique_account (
        account TEXT NOT NULL, currency TEXT NOT NULL, low BIGINT NOT NULL, high BIGINT NOT NULL,
        direction TEXT NOT NULL, share BIGINT NOT NULL, hours BIGINT NOT NULL, grace_hours BIGINT NOT NULL,
        changed_at BIGINT NOT NULL, by_whom TEXT NOT NULL, PRIMARY KEY (account, currency));
CREATE TABLE unique_amount (
        id INTEGER PRIMARY KEY, account TEXT NOT NULL, virtual_account TEXT NOT NULL, currency TEXT NOT NULL, store TEXT NOT NULL,
        reference TEXT NOT NULL, total BIGINT NOT NULL, code BIGINT NOT NULL, payable BIGINT NOT NULL,
        reserved_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, free_at BIGINT NOT NULL, closed_at BIGINT,
        outcome TEXT NOT NULL DEFAULT '', released_at BIGINT, successor BIGINT NOT NULL DEFAULT 0,
        by_whom TEXT NOT NULL,
        CONSTRAINT sum_of_its_parts CHECK (payable = total + code AND payable > 0),
        CONSTRAINT released_is_closed CHECK (released_at IS NULL OR closed_at IS NOT NULL));
CREATE UNIQUE INDEX one_bill_per_sum ON unique_amount (account, virtual_account, currency, payable)
        WHERE released_at IS NULL;
CREATE UNIQUE INDEX one_open_sum_per_bill ON unique_amount (account, currency, store, reference)
        WHERE closed_at IS NULL;
CREATE INDEX unique_amount_newest ON unique_amount (account, virtual_account, currency, payable)
        WHERE successor = 0;
CREATE INDEX unique_amount_free ON unique_amount (account, currency, free_at) WHERE released_at IS NULL;
CREATE INDEX unique_amount_reference ON unique_amount (reference);
CREATE TABLE money_line (
        connection TEXT NOT NULL, kind TEXT NOT NULL, line TEXT NOT NULL, amount BIGINT NOT NULL, taken BIGINT NOT NULL,
        PRIMARY KEY (connection, kind, line),
        CONSTRAINT shares_within_line CHECK (taken >= 0 AND taken <= amount));
CREATE TABLE money_due (
        subject TEXT PRIMARY KEY, due BIGINT NOT NULL, taken BIGINT NOT NULL,
        CONSTRAINT shares_within_due CHECK (taken >= 0 AND taken <= due));
CREATE TABLE allocation (
        id INTEGER PRIMARY KEY, connection TEXT NOT NULL, kind TEXT NOT NULL, line TEXT NOT NULL, books TEXT NOT NULL,
        subject TEXT NOT NULL, currency TEXT NOT NULL, amount BIGINT NOT NULL, written_off TEXT NOT NULL,
        fits TEXT NOT NULL, evidence TEXT NOT NULL, rule TEXT NOT NULL, posterior BIGINT NOT NULL, how TEXT NOT NULL,
        by_whom TEXT NOT NULL, reasons TEXT NOT NULL, rivals TEXT NOT NULL, days BIGINT NOT NULL, at BIGINT NOT NULL,
        undone_at BIGINT, undone_by TEXT NOT NULL DEFAULT '', why TEXT NOT NULL DEFAULT '',
        CONSTRAINT share_of_something CHECK (amount > 0));
CREATE UNIQUE INDEX one_allocation ON allocation (connection, kind, line, subject)
        WHERE undone_at IS NULL;
CREATE INDEX allocation_subject ON allocation (subject);
CREATE INDEX allocation_line ON allocation (connection, kind, line);
CREATE INDEX allocation_live ON allocation (books) WHERE undone_at IS NULL;
CREATE TABLE suggestion (
        connection TEXT NOT NULL, kind TEXT NOT NULL, line TEXT NOT NULL, rank BIGINT NOT NULL, subject TEXT NOT NULL,
        amount BIGINT NOT NULL, written_off TEXT NOT NULL, fits TEXT NOT NULL, evidence TEXT NOT NULL,
        rule TEXT NOT NULL, posterior BIGINT NOT NULL, reasons TEXT NOT NULL, days BIGINT NOT NULL, at BIGINT NOT NULL,
        PRIMARY KEY (connection, kind, line, rank, subject));
CREATE TABLE verdict (
        connection TEXT NOT NULL, kind TEXT NOT NULL, line TEXT NOT NULL, subject TEXT NOT NULL, rule TEXT NOT NULL,
        correct BIGINT NOT NULL, by_whom TEXT NOT NULL, at BIGINT NOT NULL,
        PRIMARY KEY (connection, kind, line, subject));
INSERT INTO allocation (connection, kind, line, books, subject, currency, amount, written_off, fits, evidence,
        rule, posterior, how, by_whom, reasons, rivals, days, at)
        SELECT d.connection, r.kind, d.subject, d.connection, d.answer, r.currency, r.total, '[]', '', '[]', '',
            1000000, CASE WHEN d.how LIKE 'by hand:%' THEN 'person' ELSE 'auto' END, '', '[]', '[]', 0, d.at
        FROM decision d JOIN record r ON r.connection = d.connection AND r.kind = 'bank_transaction'
            AND r.id = d.subject
        WHERE d.kind = 'bank' AND d.undone_at IS NULL AND r.total > 0 ORDER BY d.id;
INSERT INTO money_line (connection, kind, line, amount, taken)
        SELECT connection, kind, line, SUM(amount), SUM(amount) FROM allocation GROUP BY connection, kind, line;
INSERT INTO money_due (subject, due, taken)
        SELECT subject, SUM(amount), SUM(amount) FROM allocation GROUP BY subject;
INSERT INTO schema_version (version) VALUES (4);
INSERT INTO connection (name, type, role, zone, settings, sealed, created_at)
    VALUES ('shop', 'sandbox-store', 'store', 'Asia/Jakarta', '{"url":"http://shop.example"}', 'sealed:{}', 1767225600000000);
INSERT INTO connection (name, type, role, zone, settings, sealed, created_at)
    VALUES ('books', 'sandbox-books', 'books', 'Asia/Jakarta', '{}', 'sealed:{}', 1767225600000000);
INSERT INTO credential (connection, sealed, expires_at, updated_at)
    VALUES ('books', 'sealed:token', 1767226600000000, 1767225600000000);
INSERT INTO lane (name, owner, until, epoch, paused_until, state)
    VALUES ('books', '', 0, 3, 0, '{"tokens":2}');
INSERT INTO setting (name, value, version, at)
    VALUES ('pairs', '[]', 4, 1767225600000000);
INSERT INTO poll_cursor (connection, kind, value, polled_at)
    VALUES ('shop', 'order', '2026-01-02T00:00:00Z|1003', 1767225600000000);
INSERT INTO hint (connection, kind, id, bumps, due, tries, via, at, message)
    VALUES ('shop', 'order', '1004', 2, 1767225600000000, 1, 'webhook', 1767225600000000, 'timed out');
INSERT INTO record (connection, kind, id, number, day, version, planned, digest, updated_at, seen_at, open, total, currency, body)
    VALUES ('shop', 'order', '1001', '#1001', '2026-01-01', 2, 2, 'd2', 1767225600000000, 1767225600000000, 0, 150000, 'IDR', X'7b226964223a2231303031227d');
INSERT INTO record (connection, kind, id, number, day, version, planned, digest, updated_at, seen_at, open, total, currency, body)
    VALUES ('shop', 'order', '1002', '#1002', '2026-01-01', 1, 1, 'd1', 1767225600000000, 1767225600000000, 1, 99000, 'IDR', X'7b226964223a2231303032227d');
INSERT INTO record (connection, kind, id, number, day, version, planned, digest, updated_at, seen_at, open, total, currency, body)
    VALUES ('shop', 'order', '1003', '#1003', '2026-01-02', 1, 1, 'd1', 1767225600000000, 1767225600000000, 1, NULL, 'IDR', X'7b226964223a2231303033227d');
INSERT INTO sighting (connection, kind, id, version, digest, seen_at, via, raw)
    VALUES ('shop', 'order', '1001', 1, 'd1', 1767225600000000, 'webhook', X'7b226964223a313030312c22746f74616c223a22313430303030227d');
INSERT INTO sighting (connection, kind, id, version, digest, seen_at, via, raw)
    VALUES ('shop', 'order', '1001', 2, 'd2', 1767225600000005, 'poll', X'7b226964223a313030312c22746f74616c223a22313530303030227d');
INSERT INTO census (connection, kind, day, currency, count, total, at)
    VALUES ('shop', 'order', '2026-01-01', 'IDR', 2, 249000, 1767225600000000);
INSERT INTO posting (target, stream, key, version, kind, op, connection, record_kind, record_id, reference, document, digest, needs, total, currency, state, due, tries, prior, reason, cause, field, message, cure, by_whom, created_at, settled_at)
    VALUES ('books', 'order:shop:1001', 'sales_order', 1, 'sales_order', 'create', 'shop', 'order', '1001', '1001', X'7b22646f63223a22696e766f696365222c227265666572656e6365223a2231303031222c2264617465223a22323032362d30312d3031222c2263757272656e6379223a22494452222c22746f74616c223a22313530303030227d', 'x1', '', 150000, 'IDR', 2, 1767225600000000, 1, 0, 'the order was placed', '', '', '', '', '', 1767225600000000, 1767225600000009);
INSERT INTO posting (target, stream, key, version, kind, op, connection, record_kind, record_id, reference, document, digest, needs, total, currency, state, due, tries, prior, reason, cause, field, message, cure, by_whom, created_at, settled_at)
    VALUES ('books', 'order:shop:1001', 'invoice', 1, 'invoice', 'create', 'shop', 'order', '1001', '1001', X'7b22646f63223a22696e766f696365222c227265666572656e6365223a2231303031222c2264617465223a22323032362d30312d3031222c2263757272656e6379223a22494452222c22746f74616c223a22313530303030227d', 'x2', '', 150000, 'IDR', 1, 1767225660000000, 1, 0, 'the order is paid', '', '', 'timed out', '', '', 1767225600000000, NULL);
INSERT INTO posting (target, stream, key, version, kind, op, connection, record_kind, record_id, reference, document, digest, needs, total, currency, state, due, tries, prior, reason, cause, field, message, cure, by_whom, created_at, settled_at)
    VALUES ('books', 'order:shop:1001', 'receipt', 1, 'receipt', 'create', 'shop', 'order', '1001', '1001', X'7b22646f63223a22696e766f696365222c227265666572656e6365223a2231303031222c2264617465223a22323032362d30312d3031222c2263757272656e6379223a22494452222c22746f74616c223a22313530303030227d', 'x3', '', 150000, 'IDR', 0, 1767225600000000, 0, 0, 'the order is paid', '', '', '', '', '', 1767225600000000, NULL);
INSERT INTO posting (target, stream, key, version, kind, op, connection, record_kind, record_id, reference, document, digest, needs, total, currency, state, due, tries, prior, reason, cause, field, message, cure, by_whom, created_at, settled_at)
    VALUES ('books', 'order:shop:1002', '!', 1, 'order', 'plan', 'shop', 'order', '1002', '1002', X'', 'p1', '', 99000, 'IDR', 3, 1767225600000000, 0, 0, 'a code is unknown', 'unmatched_product', 'code', 'SKU K-7 is not in the books.', 'Match it.', '', 1767225600000000, 1767225600000000);
INSERT INTO posting (target, stream, key, version, kind, op, connection, record_kind, record_id, reference, document, digest, needs, total, currency, state, due, tries, prior, reason, cause, field, message, cure, by_whom, created_at, settled_at)
    VALUES ('books', 'order:shop:1003', 'sales_order', 1, 'sales_order', 'create', 'shop', 'order', '1003', '1003', X'7b22646f63223a22696e766f696365222c227265666572656e6365223a2231303031222c2264617465223a22323032362d30312d3031222c2263757272656e6379223a22494452222c22746f74616c223a22313530303030227d', 'x4', '', NULL, 'IDR', 5, 1767225600000000, 0, 0, 'the order was placed', '', '', '', '', '', 1767225600000000, 1767225600000003);
INSERT INTO posting (target, stream, key, version, kind, op, connection, record_kind, record_id, reference, document, digest, needs, total, currency, state, due, tries, prior, reason, cause, field, message, cure, by_whom, created_at, settled_at)
    VALUES ('books', 'order:shop:1003', 'sales_order', 2, 'sales_order', 'create', 'shop', 'order', '1003', '1003', X'7b22646f63223a22696e766f696365222c227265666572656e6365223a2231303031222c2264617465223a22323032362d30312d3031222c2263757272656e6379223a22494452222c22746f74616c223a22313530303030227d', 'x5', '', NULL, 'IDR', 4, 1767225600000000, 0, 0, 'the order was placed', 'skipped_by_hand', '', 'a test order', '', 'owner', 1767225600000000, 1767225600000004);
INSERT INTO link (target, stream, key, kind, target_id, number, reference, total, currency, version, posting, linked_at)
    VALUES ('books', 'order:shop:1001', 'sales_order', 'sales_order', 'SO-9', '1001', '1001', 150000, 'IDR', 1, 1, 1767225600000009);
INSERT INTO attempt (posting, try, at, act, outcome, message)
    VALUES (1, 1, 1767225600000009, 'create', 'done', '');
INSERT INTO attempt (posting, try, at, act, outcome, message)
    VALUES (2, 1, 1767225600000010, 'create', 'ambiguous', 'timed out');
INSERT INTO decision (connection, kind, subject, answer, how, at, undone_at)
    VALUES ('shop', 'product', 'K-7', 'B-7', 'by hand', 1767225600000000, 1767225600000001);
INSERT INTO decision (connection, kind, subject, answer, how, at, undone_at)
    VALUES ('shop', 'product', 'K-7', 'B-8', 'by hand', 1767225600000001, NULL);
INSERT INTO event (at, connection, level, code, message)
    VALUES (1767225600000000, 'shop', 'warning', 'webhook_restored', 'The store had switched our webhook off.');
INSERT INTO money_line (connection, kind, line, amount, taken)
    VALUES ('books', 'bank_transaction', 'L-1', 147500, 147500);
INSERT INTO money_due (subject, due, taken)
    VALUES ('shop:1001', 150000, 150000);
INSERT INTO allocation (connection, kind, line, books, subject, currency, amount, written_off, fits, evidence, rule, posterior, how, by_whom, reasons, rivals, days, at)
    VALUES ('books', 'bank_transaction', 'L-1', 'books', 'shop:1001', 'IDR', 147500, '[["transfer_fee",2500]]', 'fee', '["reference"]', 'fee:reference', 990000, 'person', 'owner', '["the number fits"]', '[]', 1, 1767225600000000);
INSERT INTO suggestion (connection, kind, line, rank, subject, amount, written_off, fits, evidence, rule, posterior, reasons, days, at)
    VALUES ('books', 'bank_transaction', 'L-2', 1, 'shop:1002', 99000, '[]', 'exact', '["name"]', 'exact:name', 700000, '["the amount fits"]', 0, 1767225600000000);
INSERT INTO verdict (connection, kind, line, subject, rule, correct, by_whom, at)
    VALUES ('books', 'bank_transaction', 'L-1', 'shop:1001', 'fee:reference', 1, 'owner', 1767225600000000);
UPDATE posting SET place = 5 WHERE id = 6;
