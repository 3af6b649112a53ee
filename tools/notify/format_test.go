package notify

import (
	"strings"
	"testing"
)

// What people from outside may have written into a text or title, in the notations of all services: none of them calls everybody.
func TestNobodyIsCalledByATextOrTitle(t *testing.T) {
	for name, format := range formats {
		for _, text := range []string{"@everyone", "@HERE", "\\`@everyone\\`", "``` @channel", "`@all`", "# @ch**ann**el", "<!here>", "<users/all>", "<@U1>"} {
			got := format(text, text)
			for _, call := range []string{"@everyone", "@here", "@channel", "@all", "<!", "<users", "<@"} {
				if strings.Contains(strings.ToLower(got), call) {
					t.Errorf("%s: %q becomes %q, which calls people", name, text, got)
				}
			}
		}
	}
}

// Links in forms that are not spelt out stay visible as they were typed.
func TestNoLinkIsShownUnderAnotherName(t *testing.T) {
	for name, format := range map[string]func(title, text string) string{"slack": slack, "markdown": markdown} {
		for _, text := range []string{
			`[bank](https://evil.example "bank")`, "[ba\nnk](https://evil.example)", "[bank]( https://evil.example )", "[bank](https://evil.example/(x))",
			"[bank][1]\n\n[1]: https://evil.example", `\` + "`[bank](https://evil.example \"\")" + `\` + "`",
		} {
			if got := format("", text); strings.Contains(got, "](") || strings.Contains(got, "]:") {
				t.Errorf("%s: %q becomes %q, which hides where a link leads", name, text, got)
			}
		}
	}
}
