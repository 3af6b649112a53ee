create table if not exists customers (
    id              integer primary key autoincrement,
    number          text generated always as ('C-' || (1000 + id)) virtual unique,
    name            text not null,
    register_number text not null unique,
    country         text not null,
    email           text not null,
    signatory       text not null,
    monthly_cents   integer not null,
    status          text not null default 'prospect',
    verdict         text not null default '',
    risk            text not null default '',
    reason          text not null default ''
);

create table if not exists letters (
    id       integer primary key autoincrement,
    customer integer not null references customers (id),
    subject  text not null,
    text     text not null,
    status   text not null default 'draft'
);

-- What happened, in order. It outlives what it tells of.
create table if not exists history (
    seq      integer primary key autoincrement,
    what     text not null,
    customer text not null default '',
    name     text not null default ''
);

-- What was answered under which idempotency key, and to what.
create table if not exists answers (
    key    text primary key,
    digest text not null,
    status integer not null,
    body   blob not null
);
