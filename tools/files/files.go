// Package files gives agents and pipelines the files of a workspace: as they are (files.read, files.write, files.move, files.list)
// and as text (files.text), whatever kind of document they are.
//
// Every path is inside the workspace. A path or a symbolic link that leads out of it is refused, also while somebody
// changes the folder at the same time (os.Root).
package files

import (
	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/files/pdftext"
	"github.com/tuttirun/tutti/tools/folder"
)

// Defaults of Settings.
const (
	DefaultMaxRead  = 4 << 20
	DefaultMaxWrite = 4 << 20
	DefaultMaxList  = 1000
)

// Settings are the limits of the tools. The zero value takes the defaults.
type Settings struct {
	MaxRead  int              `json:"max_read,omitempty"`  // bytes that files.read returns, and of the text that files.text returns
	MaxWrite int              `json:"max_write,omitempty"` // bytes that files.write takes
	MaxList  int              `json:"max_list,omitempty"`  // files that files.list returns
	PDF      pdftext.Settings `json:"pdf,omitzero"`        // its Bytes bound documents of every kind that files.text opens
}

func (s Settings) withDefaults() Settings {
	for _, d := range []struct {
		field *int
		value int
	}{
		{&s.MaxRead, DefaultMaxRead}, {&s.MaxWrite, DefaultMaxWrite}, {&s.MaxList, DefaultMaxList}, {&s.PDF.Bytes, pdftext.DefaultBytes},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if s.PDF.Text <= 0 {
		s.PDF.Text = s.MaxRead
	}
	return s
}

// New returns the workers for the workspace dir. Closing files.text frees what reading PDFs needs.
func New(dir string, s Settings) ([]coordinator.Worker, error) {
	directory, err := folder.New(dir)
	if err != nil {
		return nil, err
	}
	w := &workspace{directory, s.withDefaults()}
	e := &extractor{pdf: pdftext.New(w.settings.PDF)}
	return []coordinator.Worker{
		tools.New("files.text",
			"Reads a document of the workspace as plain text: PDF, HTML, CSV, Markdown, text, or a mail (.eml). Tables keep their rows and columns.",
			e.textOf(w), tools.Options{Effect: coordinator.EffectRead, Authority: []string{"path"}, Close: e.pdf.Close}),
		tools.New("files.read", "Reads a text file of the workspace as it is.",
			w.read, tools.Options{Effect: coordinator.EffectRead, Authority: []string{"path"}}),
		tools.New("files.write", "Writes a text file of the workspace. A file with other content is only replaced with overwrite.",
			w.write, tools.Options{Effect: coordinator.EffectIdempotent, Authority: []string{"path", "overwrite"}}),
		tools.New("files.move", "Moves or renames a file within the workspace. A file that is there is only replaced with overwrite.",
			(&mover{workspace: w}).move, tools.Options{Effect: coordinator.EffectIdempotent, Authority: []string{"from", "to", "overwrite"}}),
		tools.New("files.list", "Lists the files of a folder of the workspace, also those in folders below it if recursive.",
			w.list, tools.Options{Effect: coordinator.EffectRead, Authority: []string{"path"}}),
	}, nil
}
