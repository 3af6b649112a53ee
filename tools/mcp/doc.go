// Package mcp makes workers of the tools of MCP servers (modelcontextprotocol.io): programs started here, or addresses
// reached over HTTP.
//
//	tools:
//	  mcp:
//	    servers:
//	      everything:
//	        command: [npx, -y, "@modelcontextprotocol/server-everything"]
//	        tools: [echo, "get-*"]                    # the rest is not offered
//	        effects: {get-sum: none}
//	      crm:
//	        url: https://crm.example.com/mcp
//	        headers: {Authorization: {secret: crm}}
//
// The tool echo of the server everything is the worker everything.echo.
//
// # Pinned descriptions
//
// What a server says of a tool (name, title, description, schemas, hints) is text from outside that planners, models and
// people act on. So it is pinned: a lock file in the workspace, mcp.lock.json, holds it with its SHA-256. Workers are made of
// the lock file alone. No server is started to list, check or draw anything; one is started at the first call that needs it.
// Then what it says now is compared with what was accepted. A tool that is described differently, or is gone, is refused
// with nothing done, until Accept takes the new description over; new tools are not offered before that either. The
// comparison is made again when the server says that its list changed, and every Server.Recheck.
//
// A server that the lock file does not know yet cannot be used: a person looks at its tools once and accepts them.
// The lock file is meant to be committed. A process reads it once, when it starts.
//
// # Effects
//
// A server may give hints: readOnlyHint makes a tool's effect read, idempotentHint idempotent (it may be repeated; our key
// is not known to the server), anything else unrepeatable. Hints are promises of whoever wrote the server. For servers
// that you don't trust that far, set ignore_hints, and say the effects of single tools under effects.
//
// # Results
//
// Structured content is the output as it is, checked against the tool's output schema. Numbers beyond 2^53 are exact only
// where the server sends the same JSON as text too, as the protocol advises. Any other answer becomes
//
//	{"text": "…", "content": [{"kind": "image", "mime_type": "image/png", "bytes": 4052, "sha256": "…"}]}
//
// with all texts joined by line breaks and everything else described; set save to a folder to keep images, sounds and files.
//
// A tool that answers with an error may have done something before. For tools with an effect that is in doubt, unless
// errors: not_done says that this server's tools report an error only when nothing happened.
//
// # Servers as neighbours
//
// A server gets the environment variables named by env and pass, not ours. It runs in a process group of its own that is
// ended with the worker. What it writes to stderr, and what isn't JSON on stdout, is shown with its errors. It is offered
// no sampling, elicitation or roots: it cannot ask our models or people anything.
package mcp
