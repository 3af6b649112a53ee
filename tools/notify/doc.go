// Package notify tells people something in a chat: notify.send posts to an incoming webhook as Slack has them, and
// Mattermost, Rocket.Chat, Google Chat, Discord (its address with /slack) and others too.
//
//	tools:
//	  notify:
//	    channels:
//	      ops:  {url: {secret: slack_ops}, description: who keeps the shop running}
//	      team: {url: {secret: mattermost_team}, format: markdown}
//
// A step calls {channel: ops, title: "Nightly import", text: "**312** invoices booked, [report](https://…)"}. Whoever knows
// a webhook's address can post there, so it is a secret: it shows in no result and no error.
//
// # Text
//
// Text is a little Markdown: **bold**, ~~struck~~, headings, lists, links, code. For Slack (the format where none is said) it is
// rewritten in Slack's own marks; format markdown sends it nearly as it is, plain sends it untouched but for mentions. What
// text can not do, for it may hold words from outside: call everybody (<!channel>, @here), or show a link under another
// name; a link is written out beside its words, or shown as it was typed. Only plain leaves that to the service.
//
// # What is known after an error
//
// The effect is unrepeatable: webhooks know no keys, and nobody can ask what they have posted. No connection, a refusal by
// the guard, 4xx and 429 mean that nothing was posted; 429 is tried again after Retry-After. A 5xx, or no answer,
// leaves it open (package web has the table).
package notify
