// Package plaintext turns the bytes of a file into text, whatever wrote it.
package plaintext

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// Decode turns text of unknown encoding into UTF-8 with "\n" line ends. It follows, in this order: a byte order mark,
// what the text is valid as (UTF-8), what it says about itself (HTML), what it looks like (UTF-16), and else
// Windows-1252, of which Latin-1 is a part. binary reports that it is no text at all.
func Decode(data []byte) (text string, binary bool) {
	raw := string(data)
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		raw = strings.ToValidUTF8(raw[3:], "\ufffd")
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		raw = decodeAs(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), data)
	case wideOrder(data) != nil:
		raw = decodeAs(wideOrder(data), data)
	case utf8.Valid(data):
	default:
		raw = decodeAs(declared(data), data)
	}
	return Newlines(raw), isBinary(raw)
}

func decodeAs(e encoding.Encoding, data []byte) string {
	out, err := e.NewDecoder().Bytes(data)
	if err != nil {
		return strings.ToValidUTF8(string(data), "\ufffd")
	}
	return string(out)
}

// declared is the encoding that an HTML document names in its head; for any other text it is Windows-1252.
func declared(data []byte) encoding.Encoding {
	if IsHTML(string(data[:min(len(data), 1024)])) {
		e, _, _ := charset.DetermineEncoding(data, "text/html") // Windows-1252 too, if the page says nothing
		return e
	}
	return charmap.Windows1252
}

// wideOrder recognises UTF-16 without a mark: every other byte of western text is zero.
func wideOrder(data []byte) encoding.Encoding {
	sample := data[:min(len(data), 512)&^1]
	if len(sample) < 8 {
		return nil
	}
	var zeros [2]int
	for i, b := range sample {
		if b == 0 {
			zeros[i&1]++
		}
	}
	half := len(sample) / 2
	switch {
	case zeros[0] == 0 && zeros[1] > half*7/10:
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case zeros[1] == 0 && zeros[0] > half*7/10:
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	}
	return nil
}

// isBinary reports whether text holds more control characters than text does.
func isBinary(text string) bool {
	sample := text[:min(len(text), 8<<10)]
	controls := 0
	for _, r := range sample {
		switch {
		case r == 0:
			return true
		case r == '\n' || r == '\r' || r == '\t' || r == '\f' || r == 0x1b:
		case r < ' ', r >= 0x7f && r < 0xa0:
			controls++
		}
	}
	return controls*20 > len(sample)
}

// Newlines ends every line with "\n" alone.
func Newlines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// IsHTML reports whether text begins as an HTML document does.
func IsHTML(text string) bool {
	head := strings.ToLower(strings.TrimSpace(text[:min(len(text), 1024)]))
	for strings.HasPrefix(head, "<?xml") || strings.HasPrefix(head, "<!--") {
		end := strings.IndexByte(head, '>')
		if end < 0 {
			return false
		}
		head = strings.TrimSpace(head[end+1:])
	}
	return strings.HasPrefix(head, "<!doctype html") || strings.HasPrefix(head, "<html")
}
