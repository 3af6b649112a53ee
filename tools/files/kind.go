package files

import (
	"bytes"
	"path"
	"strings"

	"github.com/tuttirun/tutti/tools/files/pdftext"
	"github.com/tuttirun/tutti/tools/plaintext"
)

// Kinds of documents that files.text reads.
const (
	KindPDF      = "pdf"
	KindHTML     = "html"
	KindMail     = "mail"
	KindCSV      = "csv"
	KindMarkdown = "markdown"
	KindText     = "text"
)

// foreign are well-known formats whose text we cannot read, by how they begin.
var foreign = []struct{ prefix, name string }{
	{"PK\x03\x04", "a ZIP archive (or a Word, Excel or OpenDocument file)"},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Word, Excel or Outlook file"},
	{"\x89PNG\r\n", "a PNG picture"},
	{"\xff\xd8\xff", "a JPEG picture"},
	{"GIF8", "a GIF picture"},
	{"II*\x00", "a TIFF picture"},
	{"MM\x00*", "a TIFF picture"},
	{"\x1f\x8b", "a gzip archive"},
	{"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"},
	{"{\\rtf", "an RTF document"},
	{"\x7fELF", "a program"},
	{"MZ", "a program"},
}

// foreignName returns what a file is if it is known to hold no text for us, "" otherwise.
func foreignName(data []byte) string {
	for _, f := range foreign {
		if f.prefix == "MZ" && len(data) > 2 && !bytes.Contains(data[:min(len(data), 1024)], []byte{0}) {
			continue // text may begin with any two letters
		}
		if bytes.HasPrefix(data, []byte(f.prefix)) {
			return f.name
		}
	}
	return ""
}

// isPDF looks at the content; the extension only decides about junk before the mark, which readers tolerate.
func isPDF(name string, data []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(data, "\ufeff\r\n\t "), []byte("%PDF-")) ||
		(extension(name) == ".pdf" && pdftext.IsPDF(data))
}

// textKind tells decoded text apart: what it is comes first, what its name claims second.
func textKind(name, text string) string {
	switch {
	case plaintext.IsHTML(text):
		return KindHTML
	case looksLikeMail(text):
		return KindMail
	}
	switch extension(name) {
	case ".html", ".htm", ".xhtml":
		return KindHTML
	case ".csv", ".tsv":
		return KindCSV
	case ".md", ".markdown":
		return KindMarkdown
	}
	return KindText
}

func extension(name string) string { return strings.ToLower(path.Ext(name)) }

// mailHeaders are those of which a mail has at least three; a letter that begins with "From:" has not.
var mailHeaders = map[string]bool{
	"from": true, "to": true, "date": true, "subject": true, "message-id": true, "mime-version": true,
	"received": true, "return-path": true, "content-type": true, "delivered-to": true, "dkim-signature": true,
}

func looksLikeMail(text string) bool {
	found := map[string]bool{}
	from := false
	for i, line := range strings.SplitN(text[:min(len(text), 64<<10)], "\n", 200) {
		line = strings.TrimRight(line, "\r")
		if line == "" {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if i == 0 {
				return false
			}
			continue
		}
		name, _, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			if i == 0 && strings.HasPrefix(line, "From ") { // mbox
				continue
			}
			return false
		}
		if name = strings.ToLower(name); mailHeaders[name] {
			found[name] = true
			from = from || name == "from"
		}
	}
	technical := found["message-id"] || found["mime-version"] || found["received"] || found["content-type"]
	return from && len(found) >= 3 && technical
}
