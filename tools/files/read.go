package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/files/pdftext"
	"github.com/tuttirun/tutti/tools/folder"
	"github.com/tuttirun/tutti/tools/plaintext"
)

// PathInput names a file.
type PathInput struct {
	Path string `json:"path" validate:"required" jsonschema_description:"The file, relative to the workspace."`
}

// TextOutput is a document as text.
type TextOutput struct {
	Content string `json:"content" jsonschema_description:"The text. Pages of a PDF are separated by a form feed."`
	Kind    string `json:"kind" jsonschema_description:"pdf, html, mail, csv, markdown or text."`
	Pages   int    `json:"pages"`
	Bytes   int    `json:"bytes" jsonschema_description:"The size of the file."`
	Path    string `json:"path"`
}

// ReadOutput is a file as it is.
type ReadOutput struct {
	Content string `json:"content"`
	Bytes   int    `json:"bytes"`
	Path    string `json:"path"`
}

func (e *extractor) textOf(w *workspace) func(context.Context, PathInput) (TextOutput, error) {
	return func(ctx context.Context, in PathInput) (TextOutput, error) {
		var out TextOutput
		err := w.Within(in.Path, func(root *os.Root, local string) error {
			data, err := folder.Load(root, local, w.settings.PDF.Bytes)
			if err != nil {
				return err
			}
			doc, err := e.read(ctx, local, data)
			if err != nil {
				return hopeless(err)
			}
			if len(doc.content) > w.settings.MaxRead {
				return coordinator.Permanent(fmt.Errorf("its text has %d bytes, at most %d are allowed", len(doc.content), w.settings.MaxRead))
			}
			if len(doc.blank) > 0 {
				tools.Note(ctx, "page %s of %s without text (a picture or a scan?)", list(doc.blank), in.Path)
			}
			out = TextOutput{Content: doc.content, Kind: doc.kind, Pages: doc.pages, Bytes: len(data), Path: folder.Shown(local)}
			return nil
		})
		return out, err
	}
}

func list(numbers []int) string {
	const shown = 20
	var b strings.Builder
	for i, n := range numbers {
		if i == shown {
			return b.String() + ", …"
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprint(&b, n)
	}
	return b.String()
}

// hopeless marks the errors that reading the same file again cannot mend: all but those of a stopped or overloaded process.
func hopeless(err error) error {
	for _, known := range []error{
		pdftext.ErrNotPDF, pdftext.ErrBroken, pdftext.ErrEncrypted, pdftext.ErrNoText, pdftext.ErrLimit, errUnreadable, errNotMail, errBadMail,
	} {
		if errors.Is(err, known) {
			return coordinator.Permanent(err)
		}
	}
	return err
}

func (w *workspace) read(_ context.Context, in PathInput) (ReadOutput, error) {
	var out ReadOutput
	err := w.Within(in.Path, func(root *os.Root, local string) error {
		data, err := folder.Load(root, local, w.settings.MaxRead)
		if err != nil {
			return err
		}
		text := string(data)
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			var binary bool
			if text, binary = plaintext.Decode(data); binary || foreignName(data) != "" {
				return coordinator.Permanent(fmt.Errorf("%w: it holds binary data", errUnreadable))
			}
		}
		out = ReadOutput{Content: text, Bytes: len(data), Path: folder.Shown(local)}
		return nil
	})
	return out, err
}
