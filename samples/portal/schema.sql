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

-- Whose account sees which compartments, and how the demonstration names the account.
create table if not exists account (
    account   text primary key,
    name      text not null,
    note      text not null default ''
) without rowid;

create table if not exists account_member (
    account   text    not null references account (account) on delete cascade,
    member    text    not null,
    position  integer not null,
    primary key (account, member)
) without rowid;

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
    expires   text not null
) without rowid;
