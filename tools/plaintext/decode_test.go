package plaintext

import (
	"testing"
	"unicode/utf8"
)

func TestEncodingsAreRecognised(t *testing.T) {
	for data, want := range map[string]string{
		"Grüße €": "Grüße €", "\xef\xbb\xbfGrüße": "Grüße", "Gr\xfc\xdfe \x80": "Grüße €", "\xff\xfeG\x00r\x00\xfc\x00": "Grü", "\xfe\xff\x00G\x00r\x00\xfc": "Grü",
		"a\r\nb\rc\n": "a\nb\nc\n", "": "", "<html><head><meta charset=iso-8859-15></head>\xa4": "<html><head><meta charset=iso-8859-15></head>€",
	} {
		if got, binary := Decode([]byte(data)); got != want || binary {
			t.Errorf("%q is %q, binary %v", data, got, binary)
		}
	}
}

func TestBinaryDataIsNoText(t *testing.T) {
	for _, data := range []string{"\x00\x01\x02", "a\x00b", "\x01\x02\x03\x04 text"} {
		if _, binary := Decode([]byte(data)); !binary {
			t.Errorf("%q passes for text", data)
		}
	}
}

func FuzzDecodeGivesUTF8(f *testing.F) {
	f.Add([]byte("Gr\xfc\xdfe"))
	f.Add([]byte("\xff\xfe\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if text, _ := Decode(data); !utf8.ValidString(text) {
			t.Errorf("%q became %q", data, text)
		}
	})
}
