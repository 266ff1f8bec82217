-- Every write ever accepted, with the exact bytes received. Rows are only ever added.
create table if not exists version (
    seq       integer primary key autoincrement, -- order of acceptance over the whole portal
    member    text    not null,
    type      text    not null,
    id        text    not null,
    version   integer not null,                  -- the portal's own count for this resource, from 1
    op        text    not null check (op in ('put', 'delete')),
    at        text    not null,                  -- UTC instant, as lastModified
    tx        text    not null,                  -- the transaction that carried it
    sha256    text,                              -- hexadecimal, of body; null for a delete
    body      blob,                              -- as received; null for a delete
    unique (member, type, id, version)
);

-- The newest version of each resource, deleted ones too (op = 'delete': answered with 410).
create table if not exists current (
    member    text    not null,
    type      text    not null,
    id        text    not null,
    version   integer not null,
    op        text    not null,
    at        text    not null,
    seq       integer not null references version (seq),
    primary key (member, type, id)
) without rowid;

create index if not exists current_by_type on current (member, type, seq);

-- What the gateway last said about its slots. Member '' holds for every compartment without a row of its own.
create table if not exists sync_status (
    member    text primary key,
    last      text,
    next      text
) without rowid;

-- Who signs in, how the demonstration names them, and where codes and links are sent.
create table if not exists account (
    account   text primary key,
    name      text not null,
    note      text not null default '',
    email     text not null,
    mobile    text not null,
    landline  text not null
) without rowid;

-- A care page that somebody made here: they administer it. Pages of the gateway's own links have no row.
create table if not exists care_page (
    page      text primary key,
    account   text not null references account (account) on delete cascade,
    title     text not null
) without rowid;

-- Whose account sees which compartments. A page is about one client; each organisation has a lane of its own on it.
create table if not exists lane (
    account      text    not null references account (account) on delete cascade,
    page         text    not null,
    member       text    not null,
    provider     text    not null,               -- the organisation's code; '' when nobody said
    organisation text    not null,               -- its name; '' when nobody said
    position     integer not null,
    primary key (account, member)
) without rowid;

-- Whom an administrator asked to join, until they answer: the gateway knows the rest.
create table if not exists invitation (
    sha256       text primary key,               -- of the token in the e-mail
    number       text not null,                  -- the gateway's
    page         text not null,
    provider     text not null,
    organisation text not null,
    email        text not null
) without rowid;

-- Short notes for everybody on a page. They stay here: nothing of them goes to the care organisation.
create table if not exists notice (
    seq       integer primary key autoincrement,
    page      text not null,
    account   text not null references account (account) on delete cascade,
    at        text not null,
    words     text not null
);

-- Secrets are kept as SHA-256 only.
create table if not exists bearer (
    sha256    text primary key,
    expires   text not null
) without rowid;

create table if not exists used_assertion (
    jti       text primary key,
    expires   text not null
) without rowid;

create table if not exists session (
    sha256    text primary key,
    account   text not null references account (account) on delete cascade,
    expires   text not null,
    begun     integer not null,                  -- 0 until the link of a first sign-in was opened
    confirmed text                               -- when the dossier was opened with a code or a link; null before
) without rowid;

-- The browsers on which an account has signed in before.
create table if not exists device (
    sha256    text not null,
    account   text not null references account (account) on delete cascade,
    primary key (sha256, account)
) without rowid;

-- Codes and one-time links that were sent, for the session that asked.
create table if not exists confirmation (
    seq       integer primary key autoincrement,
    sha256    text not null,
    account   text not null references account (account) on delete cascade,
    session   text not null,
    kind      text not null check (kind in ('code', 'link')),
    purpose   text not null,
    detail    text not null,                     -- JSON
    made      text not null,
    expires   text not null,
    wrong     integer not null default 0,
    used      integer not null default 0
);
create index if not exists confirmation_session on confirmation (session);

-- What a telephone company and a mail server would have carried: the sample shows it in a window of its own.
create table if not exists message (
    seq       integer primary key autoincrement,
    account   text not null,
    channel   text not null check (channel in ('sms', 'voice', 'email')),
    recipient text not null,
    at        text not null,
    words     text not null,
    link      text not null
);
