package schema_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/schema"
)

type base struct {
	ID string `json:"id" validate:"required,uuid"`
}

type line struct {
	Total float64 `json:"total" validate:"gt=0,lte=1000"`
}

type invoice struct {
	base
	Seller   string            `json:"seller" validate:"required,max=80" jsonschema_description:"who wants money, and how much"`
	Currency string            `json:"currency" validate:"oneof=EUR CHF 'US dollar'"`
	Mail     string            `json:"mail,omitempty" validate:"omitempty,email"`
	Site     *string           `json:"site,omitempty" validate:"omitempty,url,min=10"`
	Lines    []line            `json:"lines" validate:"min=1,max=3,unique,dive"`
	Tags     []string          `json:"tags,omitempty" validate:"dive,len=3"`
	Rates    map[string]int    `json:"rates,omitempty" validate:"max=2,dive,keys,len=2,endkeys,gte=0"`
	Kind     string            `json:"kind" validate:"omitempty,min=3"`
	Level    int               `json:"level,omitempty" validate:"oneof=1 2"`
	When     time.Time         `json:"when,omitzero"`
	Wait     time.Duration     `json:"wait,omitempty" validate:"gte=0"`
	Host     netip.Addr        `json:"host,omitzero"`
	Any      any               `json:"any,omitempty"`
	Raw      json.RawMessage   `json:"raw,omitempty"`
	Number   json.Number       `json:"number,omitempty"`
	Hidden   chan int          `json:"-"`
	Extra    map[string]string `json:"extra,omitempty"`
}

const invoiceSchema = `{"additionalProperties":false,"properties":{` +
	`"any":true,"currency":{"enum":["EUR","CHF","US dollar"],"type":"string"},"extra":{"additionalProperties":{"type":"string"},"type":"object"},` +
	`"host":{"type":"string"},"id":{"format":"uuid","minLength":1,"type":"string"},"kind":{"type":"string"},` +
	`"level":{"enum":[1,2],"type":"integer"},"lines":{"items":{"additionalProperties":false,"properties":` +
	`{"total":{"exclusiveMinimum":0,"maximum":1000,"type":"number"}},"required":["total"],"type":"object"},` +
	`"maxItems":3,"minItems":1,"type":"array","uniqueItems":true},"mail":{"format":"email","type":"string"},` +
	`"number":{"type":"number"},` +
	`"rates":{"additionalProperties":{"minimum":0,"type":"integer"},"maxProperties":2,"type":"object"},"raw":true,` +
	`"seller":{"description":"who wants money, and how much","maxLength":80,"minLength":1,"type":"string"},` +
	`"site":{"format":"uri","minLength":10,"type":"string"},"tags":{"items":{"maxLength":3,"minLength":3,"type":"string"},"type":"array"},` +
	`"wait":{"type":"integer"},"when":{"format":"date-time","type":"string"}},` +
	`"required":["id","seller","currency","lines","kind"],"type":"object"}`

func TestValidateTagsBecomePartOfTheSchema(t *testing.T) {
	raw, err := schema.For[invoice]()
	if err != nil {
		t.Fatal(err)
	}
	got, err := coordinator.Canonical(raw)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != invoiceSchema {
		t.Errorf("got  %s\nwant %s", got, invoiceSchema)
	}
	if _, err := schema.Compile(raw); err != nil {
		t.Error(err)
	}
}

func TestAnyJSONTypeHasASchema(t *testing.T) {
	check := func(raw json.RawMessage, err error, want string) {
		t.Helper()
		if err != nil || string(raw) != want {
			t.Errorf("got %s, %v; want %s", raw, err, want)
		}
	}
	raw, err := schema.For[string]()
	check(raw, err, `{"type":"string"}`)
	raw, err = schema.For[[]string]()
	check(raw, err, `{"items":{"type":"string"},"type":"array"}`)
	raw, err = schema.For[map[string]any]()
	check(raw, err, `{"type":"object"}`)
	raw, err = schema.For[json.RawMessage]()
	check(raw, err, `true`)
	raw, err = schema.For[any]()
	check(raw, err, `true`)
	raw, err = schema.For[*int]()
	check(raw, err, `{"type":"integer"}`)
	raw, err = schema.For[struct{}]()
	check(raw, err, `{"properties":{},"additionalProperties":false,"type":"object"}`)
}

type node struct {
	Name     string  `json:"name"`
	Children []*node `json:"children"`
}

type wrongTag struct {
	A string `json:"a" validate:"min=many"`
}

func TestTypesThatHaveNoSchemaAreRefusedNotFatal(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{second(schema.For[node]()), "schema_test.node contains itself (at schema_test.node.Children)"},
		{second(schema.For[map[string][]node]()), "contains itself"},
		{second(schema.For[struct{ F func() }]()), ".F: a func() is not JSON"},
		{second(schema.For[map[float64]string]()), "keys of type float64"},
		{second(schema.For[wrongTag]()), `wrongTag.A: bad validate tag "min=many"`},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("got %v, want %q", c.err, c.want)
		}
	}
}

func second(_ json.RawMessage, err error) error { return err }
