// Package web speaks HTTP: http.get reads, http.download reads into a file, http.request does anything. Its Guard keeps
// these and other tools away from addresses that are not public.
//
//	tools:
//	  http:
//	    endpoints:
//	      crm:
//	        base_url: https://crm.example.com/api/v1
//	        auth: {bearer: {secret: crm_token}}
//	        idempotency_header: Idempotency-Key
//	      warehouse:
//	        base_url: http://10.1.0.7:8080
//	        private: true
//	        auth: {header: {name: X-Api-Key, value: {secret: warehouse_key}}}
//
// A step names an endpoint and a path below it; the credentials go along by themselves and stand nowhere else:
//
//	use: http.request
//	with: {endpoint: crm, path: /customers, method: POST, json: {name: Ada}, expect: [201, 409]}
//
// Or it gives a url in full, which goes without credentials. Headers of a step cannot hold any.
//
// # Where requests go
//
// Every address is judged on the connection, after its name was resolved (package code.dny.dev/ssrf): loopback, private,
// link-local, multicast and all other addresses that are not public are refused, also behind a redirect, a name that changes
// its answer, or a number that C libraries read as an address. What shall be reached nevertheless is listed under private. A
// name listed there is trusted with every address except link-local ones, where clouds keep their credentials.
// No credential, header of the step or content follows a redirect to another origin.
//
// # What is known after an error
//
// http.get and http.download change nothing outside, so every error of theirs is NotDone. For http.request:
//
//	no connection, refused by the guard            nothing happened
//	408, 425, 429, and 503 with Retry-After        nothing happened; tried again, not before Retry-After (at most retry_after)
//	other 4xx, 501, 505                            nothing happened; permanent, with the beginning of the answer
//	503 without Retry-After, 500, 502, 504, other  it may have happened: proxies say these too when an answer was lost
//	connection lost, no answer in time             it may have happened
//	2xx that the step does not expect              it may have happened
//	any status after a redirected POST             it may have happened
//
// "It may have happened" is a question for people if the effect is unrepeatable, and a new attempt with the same key if it
// is idempotent.
//
// # The effect of http.request
//
// A worker has one effect, whatever the step asks of it. It is idempotent if a repeated request is harmless wherever a step
// may send one: with endpoints_only, and an idempotency_header at every endpoint; or if the settings say effect: idempotent.
// Else it is unrepeatable. Then a request that may be repeated nevertheless (PUT, DELETE, or to an endpoint with an
// idempotency_header) is sent up to three times within the attempt while it is unclear what came of it. It never claims
// that nothing happened because a repetition would be harmless: what is undone later depends on the truth.
//
// The key that is sent is a UUID made of the attempt's, so it is equal over retries and tells nothing about the run.
//
// # Answers
//
// {status, headers, json | text, bytes, saved}. Of the headers only those that steps need. An answer larger than max_bytes
// is an error, not a part. Credentials in an answer (services that echo requests) are replaced; a file is written as it came.
//
// http.get collects the items of a long answer: pages: {next: link, items: /data}, or next: /meta/cursor with param: cursor.
// All pages must come from one origin and stay together below max_bytes.
package web
