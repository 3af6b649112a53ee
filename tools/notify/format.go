package notify

import (
	"regexp"
	"strings"
)

// formats write a title and a text as a service shows them.
var formats = map[string]func(title, text string) string{"": slack, "slack": slack, "markdown": markdown, "plain": plain}

var (
	code    = regexp.MustCompile("(?s)```.*?(?:```|$)|`[^`\n]+`")
	image   = regexp.MustCompile(`!\[([^\]\n]*)\]\(([^()\s]+)\)`)
	link    = regexp.MustCompile(`\[([^\]\n]+)\]\(([^()\s]+)\)`)
	bold    = regexp.MustCompile(`\*\*([^*\n]+)\*\*|__([^_\n]+)__`)
	struck  = regexp.MustCompile(`~~([^~\n]+)~~`)
	heading = regexp.MustCompile(`(?m)^#{1,6}[ \t]+(.+?)[ \t#]*$`)
	bullet  = regexp.MustCompile(`(?m)^([ \t]*)[-*+][ \t]+`)
	mention = regexp.MustCompile(`(?i)@(channel|here|everyone|all)\b`)
	angle   = regexp.MustCompile(`(?i)<([!@#]|users/|https?:|mailto:)`)
	escape  = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
)

// slack writes Slack's marks (api.slack.com, "Formatting text"). The three characters that begin its mentions and links are
// escaped first, everywhere, so none of them comes from the text.
func slack(title, text string) string {
	if title != "" {
		title = "*" + strings.ReplaceAll(escape.Replace(title), "*", "∗") + "*\n"
	}
	return quiet(title + outsideCode(escape.Replace(text), func(s string) string {
		s = spellOut(s)
		s = bullet.ReplaceAllString(s, "${1}• ")
		s = heading.ReplaceAllStringFunc(s, func(line string) string {
			return "*" + bold.ReplaceAllString(heading.FindStringSubmatch(line)[1], "$1$2") + "*"
		})
		s = bold.ReplaceAllString(s, "*$1$2*")
		return unlink(struck.ReplaceAllString(s, "~$1~"))
	}))
}

// markdown is for services that read it themselves.
func markdown(title, text string) string {
	if title != "" {
		title = "**" + strings.ReplaceAll(title, "*", "∗") + "**\n\n"
	}
	return quiet(title + outsideCode(text, func(s string) string { return unlink(spellOut(s)) }))
}

func plain(title, text string) string {
	if title != "" {
		title += "\n"
	}
	return quiet(title + text)
}

// quiet keeps a whole message from calling everybody, code included: services don't agree on what is code.
func quiet(s string) string { return unmention(unmark(s)) }

// unmark keeps <!channel> and <https://…|words> from being read as Slack would; Mattermost does so in Markdown too, and
// Google Chat reads <users/all>.
func unmark(s string) string { return angle.ReplaceAllString(s, "<\u200b$1") }

// spellOut shows where a link leads.
func spellOut(s string) string {
	s = image.ReplaceAllString(s, "$1 ($2)")
	return link.ReplaceAllString(s, "$1 ($2)")
}

// unlink keeps the links that were not spelt out from being shown under another name: with titles, brackets or line breaks in
// them, or led to by a reference.
func unlink(s string) string {
	return strings.NewReplacer("](", "]\u200b(", "]:", "]\u200b:").Replace(s)
}

// unmention keeps a text from calling everybody.
func unmention(s string) string { return mention.ReplaceAllString(s, "@\u200b$1") }

// outsideCode changes a text except for what stands in backquotes. A backslash before those makes them ordinary signs to some
// services, so that counts as text.
func outsideCode(text string, change func(string) string) string {
	var b strings.Builder
	at := 0
	for _, span := range code.FindAllStringIndex(text, -1) {
		if span[0] > 0 && text[span[0]-1] == '\\' {
			continue
		}
		b.WriteString(change(text[at:span[0]]))
		b.WriteString(text[span[0]:span[1]])
		at = span[1]
	}
	b.WriteString(change(text[at:]))
	return b.String()
}
