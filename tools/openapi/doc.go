// Package openapi makes a tool of every operation of an OpenAPI document (3.0 and 3.1, JSON or YAML).
//
//	tools:
//	  openapi:
//	    apis:
//	      petstore:
//	        document: apis/petstore.yaml
//	        auth: {petstore_key: {token: {secret: petstore}}}
//	        operations: ["list*", getPet, createPet]
//	        idempotency_header: Idempotency-Key
//
// An operation is the worker <api>.<operationId>; a slash in the id becomes a dot, other signs than letters, digits, "_", "-"
// and "." become "_". Without an id the name is made of method and path: GET /pets/{petId} is get_pets_petId.
//
// # Input and output
//
// The input holds each parameter under its name, and the request's content as body. Where two parameters share a name, the
// first in the order path, query, header, cookie keeps it and the others are called query_id, header_id, cookie_id. The
// schemas are self-contained JSON Schemas (2020-12): references become $defs, nullable and boolean limits of 3.0 become what
// they mean, read-only fields are not asked for and write-only ones not promised. A pattern that only other regular
// expressions understand is left out; the server still knows it. Definitions beyond 128 KiB are left open, the farthest first. The output is the answer's JSON, or its text.
//
// # Effects
//
// GET, HEAD and OPTIONS read; PUT and DELETE are idempotent (RFC 9110, 9.2.2); POST and PATCH are unrepeatable, unless
// effects says otherwise or an idempotency_header is set: it carries the attempt's key, and the server keeps the promise.
//
// # What cannot be used
//
// Broken references, unknown styles, content that is neither JSON, a form nor text: all of it is reported at once, with file,
// line and JSON pointer. Only operations that the setting operations selects are looked at. With skip_broken the others are
// made, and Skipped tells what is missing.
//
// # Where requests go
//
// Only to the servers of the document (or the one in the settings), and to public addresses unless private names them.
// A read follows redirects there; a change follows none. Credentials go out over https only, or to a private address that
// the settings name.
package openapi
