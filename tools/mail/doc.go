// Package mail sends mail: mail.send.
//
//	tools:
//	  mail:
//	    host: smtp.example.com      # without a host, mails are written to the outbox instead
//	    user: robot
//	    password: {secret: smtp}
//	    from: "Invoices <robot@example.com>"
//	    allow: ["@example.com"]     # nobody else gets mail
//
// A step calls
//
//	{to: finance@example.com, subject: "Booked R-1", template: mail/booked.md, data: {…}, attachments: [report/september.html]}
//
// or gives text instead of a template. A Markdown template (see package page) becomes a mail with a text and an HTML part,
// and no value in it becomes markup.
//
// # What is known after an error
//
// The effect is unrepeatable, for nobody can ask a mail server whether it has taken a mail. An error before the end of the
// message (no connection, a refused login, sender or recipient) is NotDone, and permanent where the server says so with a 5xx
// code. When the server refuses the finished message, nothing was sent either. When the connection breaks after the content
// began, nobody knows: the library ends the message on its way out, so even half a mail may have gone. An error after
// the server took the message is none. The Message-ID is derived from the attempt's key, so a mail sent twice shows the same
// one, and many mailboxes then keep one copy only.
//
// Without a host the worker writes .eml files into the outbox, a folder of the workspace, and says so in its note. The file's
// name is derived from the key too: that is idempotent.
package mail
