// Package object gets, puts, lists and deletes objects in stores that speak the S3 API: object.get, object.download,
// object.put, object.list, object.delete.
//
//	tools:
//	  object:
//	    stores:
//	      archive:
//	        endpoint: https://s3.example.com      # left out: Amazon's for the region
//	        region: eu-central-1
//	        bucket: invoices
//	        prefix: tutti                         # every key lies below it
//	        access_key: {secret: archive_id}
//	        secret_key: {secret: archive_key}
//	        path_style: true                      # the bucket stands in the path, as most servers of one's own want it
//	        private: true                         # the endpoint may be at a private address
//
// A step calls
//
//	{store: archive, key: 2026/09/R-1.pdf, path: inbox/R-1.pdf}
//
// with object.put. A store alone need not be named.
//
// Keys are relative to the prefix and never lead out of it: no part of one is empty, "." or "..". Requests go to the
// endpoint's host only, follow no redirects, and reach a private address only if the store says so (package web).
//
// # Once, although tried twice
//
// object.put is idempotent by content. Without overwrite it asks the store to write only if there is no such object
// (If-None-Match), and where there is one, compares: the same content is fine, another one is an error and stays. So a
// repetition after a lost answer finds its own object. Deleting what is not there is no error.
//
// # What is known after an error
//
// A refusal (4xx) is permanent. 429 and 503 say that nothing happened: later is better. A lost connection or another 5xx is
// unknown, and as the effects are idempotent, the step is tried again with the same key.
package object
