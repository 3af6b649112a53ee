// Package memory is everything that outlives a process: journals of runs, who works on them, the inbox, the blackboard, conversations.
//
// Three ways to a Store, all held to the same promises by memorytest.Conform:
//
//	New()                     maps in this process; nothing survives its end
//	Open(ctx, url, Options)   Redis 7.0 or newer
//	Embedded(ctx, …)          Redis again: a private redis-server per data directory, started and stopped by its users
//
// # Journals and owners
//
// A run is the fold of its journal. One owner at a time may append: it holds a lease, and an epoch that every claim raises. An append
// carries the epoch, the owner, the seq it expects at the tail, and a random id; append.lua checks all of it in one step and writes
// the events, the summary, the lists, the inbox and the due time together, or nothing.
//
//   - ErrUnavailable: nobody knows what happened. Send the same Batch, with the same ID, until there is an answer.
//   - ErrSequence: somebody posted in between. Read the journal on from what is known and decide anew.
//   - ErrFenced: the run has another owner. Let go of it.
//
// An ended run goes on only by a rerun: ClaimEnded leases it without making it due for anybody, and an append that begins with Rerun
// opens it again, with its summary, its lists and its idempotency key. Until then it has ended, whatever becomes of the lease.
//
// The store remembers the id of each run's last append only: an owner has one append of a run outstanding at a time.
// People and other processes do not own runs; they Post events at the tail, under a condition that the script checks. So they also
// take a question on and give it back: who has it is kept beside the question, and an owner's Batch.Open says it anew.
//
// # Times
//
// The store's clock decides: leases and due times by Redis TIME, the At of created and posted events too. An owner's events carry the
// At it took from Now. All times are kept to the microsecond; an At earlier than the event before it is raised to that event's, so
// within a journal time never runs backwards. Now goes on from the last reply by this process's monotonic clock, never backwards.
//
// # Keys
//
// A workspace's keys begin with "tutti:<workspace>:". Runs are spread over 16 shards by the last part of their id, and everything that
// one script touches shares the shard's hash tag {NN}, as Redis Cluster demands. keys.go is the only place that makes names.
// Sets of names that a run stands in are noted in its head, so that a script can take it out of them again.
//
//	tutti:w:layout                        "version 1, 16 shards": another value is refused
//	tutti:w:wake, tutti:w:wake:<owner>    channels: something may be due; somebody posted to a run of this owner
//	tutti:w:changed:<kind>:<id>           channel: the key of a blackboard value that was written
//
//	tutti:w:{07}:run:<id>                 hash: epoch, owner, until, tail, at, claims, batch, ended, denied, summary, lists, needs, …
//	tutti:w:{07}:run:<id>:journal         stream, entry <seq>-0: at, and e (the event's JSON) or b (its hash, when it is long)
//	tutti:w:{07}:run:<id>:blobs           hash: long events by content hash, written before the entry that names them
//	tutti:w:{07}:run:<id>:open            hash: open escalations; :places says where in the inbox each stands
//	tutti:w:{07}:run:<id>:taken           hash: open escalations that somebody has claimed, by whom
//	tutti:w:{07}:run:<id>:decided         hash: decision ids that were delivered, to their seq
//	tutti:w:{07}:key:<sha256>             hash: run and digest of an idempotency key; expires some time after the run has ended
//
//	tutti:w:{07}:due                      sorted set: runs that nobody owns, by when somebody must look at them
//	tutti:w:{07}:leases                   sorted set: owned runs, by when their lease ends; overdue means due
//	tutti:w:{07}:needs:<worker>           set: runs parked until a worker appears
//	tutti:w:{07}:runs[:status:…][:pipeline:…][:batch:…]   sorted set: "<created>:<run>", sorted as text
//	tutti:w:{07}:inbox[:by:<who>]         sorted set: "<deadline>:<opened>:<escalation>", sorted as text
//
//	tutti:w:{07}:board:<kind>:<id>        sorted set: keys by when they expire; each value is a hash at …:<key>
//	tutti:w:{07}:talk:<conversation>      stream, trimmed to the newest messages
//
// Lists are read by place, a page at a time, from all shards at once. Nothing scans keys.
//
// # What survives
//
// Store.Durability says what the server really does. Only appendonly yes with appendfsync always keeps every acknowledged append over
// a crash of Redis (Embedded runs that way). A server that could evict keys is refused. Appends of many runs travel in one pipeline
// per flush and share its fsync.
//
// Nothing deletes the journal of an ended run yet.
package memory
