// Package pdftext reads the text of PDF documents and keeps its layout: rows stay rows, columns stay columns.
//
// PDFium does the parsing, compiled to WebAssembly and run by wazero: no cgo, no process, no files. Documents come from
// outside, so each is read in a sandbox of its own that sees no file system, is limited in memory and time, and is gone
// afterwards. Compiling PDFium takes some seconds on the first use on a machine; the result is kept in the user's cache
// directory.
package pdftext

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/klippa-app/go-pdfium"
	pdfiumerrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// Defaults of Settings.
const (
	DefaultPages   = 200
	DefaultBytes   = 32 << 20
	DefaultText    = 4 << 20
	DefaultMemory  = 512 << 20
	DefaultTimeout = time.Minute
	DefaultReaders = 2
)

// Errors that another attempt cannot mend.
var (
	ErrNotPDF    = errors.New("not a PDF document")
	ErrBroken    = errors.New("the PDF is broken and cannot be read")
	ErrEncrypted = errors.New("the PDF is encrypted: save a copy without a password")
	ErrNoText    = errors.New("the PDF holds no text (a scan?): run text recognition (OCR) on it first")
	ErrLimit     = errors.New("the PDF is over a limit")
)

// Settings are the limits of reading. The zero value takes the defaults.
type Settings struct {
	Pages   int           `json:"pages,omitempty"`   // of one document
	Bytes   int           `json:"bytes,omitempty"`   // of one document
	Text    int           `json:"text,omitempty"`    // bytes of the text of one document
	Memory  int           `json:"memory,omitempty"`  // bytes that reading one document may take
	Timeout time.Duration `json:"timeout,omitempty"` // of one document, without the start of PDFium
	Readers int           `json:"readers,omitempty"` // documents read at the same time

	// CacheDir keeps the compiled PDFium. "": a folder in the user's cache directory; if that cannot be had, nothing is kept.
	CacheDir string `json:"cache_dir,omitempty"`
}

func (s Settings) withDefaults() Settings {
	for _, d := range []struct {
		field *int
		value int
	}{
		{&s.Pages, DefaultPages}, {&s.Bytes, DefaultBytes}, {&s.Text, DefaultText},
		{&s.Memory, DefaultMemory}, {&s.Readers, DefaultReaders},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if s.Timeout <= 0 {
		s.Timeout = DefaultTimeout
	}
	if s.CacheDir == "" {
		if dir, err := os.UserCacheDir(); err == nil {
			s.CacheDir = filepath.Join(dir, "tutti", "pdfium")
		}
	}
	return s
}

// Document is the text of a PDF.
type Document struct {
	Text  string // pages are separated by a line that holds a form feed
	Pages int
	Blank []int // pages without text, from 1: pictures or scans
}

// Reader reads PDFs. It starts on first use and is safe for concurrent use.
type Reader struct {
	settings Settings
	slots    chan struct{}

	start sync.Mutex
	cache wazero.CompilationCache // nil: not started
	ended bool
}

// New returns a reader that has not started yet.
func New(s Settings) *Reader {
	s = s.withDefaults()
	return &Reader{settings: s, slots: make(chan struct{}, s.Readers)}
}

// Close waits for documents being read and frees the compiled PDFium. Reading after it is an error.
func (r *Reader) Close() error {
	for range cap(r.slots) {
		r.slots <- struct{}{}
	}
	defer func() {
		for range cap(r.slots) {
			<-r.slots
		}
	}()
	r.start.Lock()
	defer r.start.Unlock()
	r.ended = true
	if r.cache == nil {
		return nil
	}
	cache := r.cache
	r.cache = nil
	return cache.Close(context.Background())
}

// Read returns the text of a document. Errors wrap one of this package's, the context's, or say what PDFium could not do.
func (r *Reader) Read(ctx context.Context, data []byte) (Document, error) {
	switch {
	case !IsPDF(data):
		return Document{}, ErrNotPDF
	case len(data) > r.settings.Bytes:
		return Document{}, fmt.Errorf("%w: %d bytes, at most %d", ErrLimit, len(data), r.settings.Bytes)
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return Document{}, context.Cause(ctx)
	}
	cache, err := r.started(ctx)
	if err != nil {
		return Document{}, fmt.Errorf("PDFium: start: %w", err)
	}
	tooLong := fmt.Errorf("%w: not read within %v", ErrLimit, r.settings.Timeout)
	ctx, cancel := context.WithTimeoutCause(ctx, r.settings.Timeout, tooLong)
	defer cancel()
	doc, err := r.read(ctx, cache, data)
	if err != nil && ctx.Err() != nil { // what PDFium says when it is stopped means nothing to anyone
		return Document{}, context.Cause(ctx)
	}
	return doc, err
}

// IsPDF reports whether data claims to be a PDF: readers look for the mark in the first kilobyte.
func IsPDF(data []byte) bool {
	return strings.Contains(string(data[:min(len(data), 1024)]), "%PDF-")
}

// started compiles PDFium once, so that documents only pay for an instance.
func (r *Reader) started(ctx context.Context) (wazero.CompilationCache, error) {
	r.start.Lock()
	defer r.start.Unlock()
	if r.ended {
		return nil, errors.New("the reader is closed")
	}
	if r.cache != nil {
		return r.cache, nil
	}
	cache := wazero.NewCompilationCache()
	if r.settings.CacheDir != "" {
		// Without a place to keep it, the next process compiles again: slower, not wrong.
		if kept, err := wazero.NewCompilationCacheWithDir(r.settings.CacheDir); err == nil {
			cache = kept
		}
	}
	pool, err := r.open(context.WithoutCancel(ctx), cache)
	if err != nil {
		return nil, errors.Join(err, cache.Close(context.Background()))
	}
	r.cache = cache
	return cache, pool.Close()
}

// open makes a sandbox. Its context ends the code inside it too.
func (r *Reader) open(ctx context.Context, cache wazero.CompilationCache) (pdfium.Pool, error) {
	const page = 64 << 10
	return webassembly.Init(webassembly.Config{
		Context:  ctx,
		MaxTotal: 1,
		FSConfig: wazero.NewFSConfig(), // nothing mounted: the package's own default is the whole disk
		Stdout:   io.Discard,
		Stderr:   io.Discard,
		RuntimeConfig: wazero.NewRuntimeConfig().
			WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
			WithCompilationCache(cache).
			WithCloseOnContextDone(true).
			WithMemoryLimitPages(uint32(min(r.settings.Memory/page, 65536))),
	})
}

func (r *Reader) read(ctx context.Context, cache wazero.CompilationCache, data []byte) (doc Document, err error) {
	pool, err := r.open(ctx, cache)
	if err != nil {
		return Document{}, fmt.Errorf("PDFium: %w", err)
	}
	defer func() { _ = pool.Close() }() // the sandbox is thrown away: nothing in it needs saving
	pdf, err := pool.GetInstanceWithContext(ctx)
	if err != nil {
		return Document{}, fmt.Errorf("PDFium: %w", err)
	}
	defer func() { _ = pdf.Close() }()
	opened, err := pdf.OpenDocument(&requests.OpenDocument{File: &data})
	if err != nil {
		return Document{}, openError(err)
	}
	return r.pages(pdf, opened.Document)
}

func openError(err error) error {
	if errors.Is(err, pdfiumerrors.ErrPassword) || errors.Is(err, pdfiumerrors.ErrSecurity) {
		return ErrEncrypted
	}
	return fmt.Errorf("%w: %w", ErrBroken, err)
}

func (r *Reader) pages(pdf pdfium.Pdfium, document references.FPDF_DOCUMENT) (Document, error) {
	count, err := pdf.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: document})
	switch {
	case err != nil:
		return Document{}, fmt.Errorf("%w: %w", ErrBroken, err)
	case count.PageCount == 0:
		return Document{}, fmt.Errorf("%w (it has no pages)", ErrBroken)
	case count.PageCount > r.settings.Pages:
		return Document{}, fmt.Errorf("%w: %d pages, at most %d", ErrLimit, count.PageCount, r.settings.Pages)
	}
	doc := Document{Pages: count.PageCount}
	var text strings.Builder
	for i := range count.PageCount {
		glyphs, err := pageGlyphs(pdf, document, i, r.settings.Text)
		if err != nil {
			return Document{}, fmt.Errorf("page %d: %w", i+1, err)
		}
		page := layout(glyphs)
		if page == "" {
			doc.Blank = append(doc.Blank, i+1)
		}
		if i > 0 {
			text.WriteString("\f\n")
		}
		text.WriteString(page)
		if text.Len() > r.settings.Text {
			return Document{}, fmt.Errorf("%w: more than %d bytes of text", ErrLimit, r.settings.Text)
		}
	}
	if len(doc.Blank) == doc.Pages {
		return Document{}, ErrNoText
	}
	doc.Text = text.String()
	return doc, nil
}
