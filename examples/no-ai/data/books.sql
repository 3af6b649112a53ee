-- The books, and the requests that were answered: the same key gets the same answer.
create table if not exists vouchers (
    "order"   text primary key,
    customer  text    not null,
    cents     integer not null,
    account   text    not null,
    tax       text    not null,
    reference text    not null,
    batch     text    not null
);
create table if not exists requests (
    key    text primary key,
    status integer not null,
    answer text    not null
);
