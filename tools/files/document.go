package files

import (
	"context"
	"errors"
	"fmt"

	"github.com/tuttirun/tutti/tools/files/pdftext"
	"github.com/tuttirun/tutti/tools/plaintext"
)

// document is the text of a file, whatever kind of file it is.
type document struct {
	content string
	kind    string
	pages   int
	blank   []int
}

// read finds out what data is and returns its text. name is used for its extension only.
func (e *extractor) read(ctx context.Context, name string, data []byte) (document, error) {
	if isPDF(name, data) {
		doc, err := e.pdf.Read(ctx, data)
		return document{content: doc.Text, kind: KindPDF, pages: doc.Pages, blank: doc.Blank}, err
	}
	if other := foreignName(data); other != "" {
		return document{}, fmt.Errorf("%w: it is %s", errUnreadable, other)
	}
	if extension(name) == ".pdf" {
		return document{}, fmt.Errorf("%w, although its name says so", pdftext.ErrNotPDF)
	}
	text, binary := plaintext.Decode(data)
	if binary {
		return document{}, fmt.Errorf("%w: it holds binary data", errUnreadable)
	}
	doc := document{content: text, kind: textKind(name, text), pages: 1}
	var err error
	switch doc.kind {
	case KindHTML:
		doc.content, err = htmlText(text)
	case KindMail:
		doc.content, err = mailText(data)
	case KindCSV:
		doc.content = csvText(text)
	case KindText:
		if extension(name) == ".eml" {
			return document{}, errNotMail
		}
	}
	return doc, err
}

type extractor struct{ pdf *pdftext.Reader }

var (
	errUnreadable = errors.New("no text can be read from this file")
	errNotMail    = errors.New("not a mail, although its name says so")
)
