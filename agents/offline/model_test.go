package offline

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/schema"
)

func TestMissingRequiredFieldIsNullWithAVeto(t *testing.T) {
	found, sure := answerTo(t, invoiceSchema, "Invoice number: A-1001\nInvoice date: 4 July 2024\n")
	if total, ok := found["total"]; !ok || total != nil {
		t.Errorf("total = %v, want null", total)
	}
	if found["number"] != "A-1001" || sure.Score > 0.3 || sure.Veto != "total not found" {
		t.Errorf("number %v, score %v, veto %q", found["number"], sure.Score, sure.Veto)
	}
}

func TestMissingFieldThatMustNotBeNullIsLeftOut(t *testing.T) {
	found, sure := answerTo(t, `{"type": "object", "properties": {"iban": {"type": "string"}, "bic": {"type": "string"}}, "required": ["iban"]}`, "nothing here")
	if len(found) != 0 || sure.Veto != "iban not found" {
		t.Errorf("found %v, veto %q", found, sure.Veto)
	}
}

func TestAnswerIsAsSureAsItsLeastSureRequiredField(t *testing.T) {
	_, sure := answerTo(t, invoiceSchema, "Invoice number: A-1001\nInvoice date: 03/04/2024\nTotal amount: £12.50\n")
	if want := sureOf(sure, "date").Score; sure.Score != want || want >= 0.9 {
		t.Errorf("score %v, date %v", sure.Score, want)
	}
}

func TestSchemaDecidesTheTypeOfAValue(t *testing.T) {
	const text = "Total amount: 1.234,50 EUR\nInvoice date: 4. Juli 2024\nPieces: 17\nPaid: yes\nPriority: high\nRef: 0815"
	for _, c := range []struct{ name, property, want string }{
		{"number", `"total": {"type": "number"}`, `{"total":1234.50}`},
		{"text", `"total": {"type": "string"}`, `{"total":"1234.50"}`},
		{"cents", `"total": {"type": "integer", "description": "in cents"}`, `{"total":123450}`},
		{"no whole number", `"total": {"type": "integer"}`, `{}`},
		{"integer", `"pieces": {"type": "integer"}`, `{"pieces":17}`},
		{"boolean", `"x": {"type": "boolean", "x-labels": ["paid"]}`, `{"x":true}`},
		{"choice", `"priority": {"enum": ["low", "high"]}`, `{"priority":"high"}`},
		{"pattern", `"ref": {"type": "string", "pattern": "^[A-Z]+$"}`, `{}`},
		{"labels of the schema", `"our_code": {"type": "string", "x-labels": ["Ref"]}`, `{"our_code":"0815"}`},
		{"reference", `"total": {"$ref": "#/$defs/money"}`, `{"total":1234.50}`},
		{"nested", `"invoice": {"type": "object", "properties": {"total": {"anyOf": [{"type": "number"}, {"type": "null"}]}}}`, `{"invoice":{"total":1234.50}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			wanted := `{"type": "object", "properties": {` + c.property + `}, "$defs": {"money": {"type": "number"}}}`
			got := ask(t, agents.ContextWithSchema(t.Context(), json.RawMessage(wanted)), text).Content
			if got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestJSONInputIsReadByItsNames(t *testing.T) {
	const input = "The input, as JSON:\n<data 0123456789ab>{\"order\": {\"customerName\": \"Example Ltd\", \"quantity\": 12}}</data 0123456789ab>"
	found, sure := answerTo(t, `{"type": "object", "properties": {"customer_name": {"type": "string"}, "quantity": {"type": "integer"}}, "required": ["quantity"]}`, input)
	if found["customer_name"] != "Example Ltd" || found["quantity"] != 12.0 || sure.Score < 0.9 {
		t.Errorf("found %v, %v", found, sure)
	}
}

func TestEnvelopeGetsTheScore(t *testing.T) {
	found, _ := answerTo(t, `{"type": "object", "required": ["answer", "confidence"], "properties": {
		"answer": {"type": "object", "properties": {"iban": {"type": "string"}}, "required": ["iban"]}, "confidence": {"type": "number"}}}`,
		"IBAN: DE89 3704 0044 0532 0130 00")
	if found["confidence"] != 0.98 || found["answer"].(map[string]any)["iban"] != "DE89370400440532013000" {
		t.Errorf("found %v", found)
	}
}

func TestIBANWithWrongCheckDigitsIsNone(t *testing.T) {
	found, _ := answerTo(t, `{"type": "object", "properties": {"iban": {"type": "string"}}}`, "IBAN: DE88 3704 0044 0532 0130 00")
	if len(found) != 0 {
		t.Errorf("found %v", found)
	}
}

func TestSellerIsNotTheCustomer(t *testing.T) {
	const text = `Northwind Paper Ltd                      Bill to
12 Mill Road                             Contoso Ltd
VAT no. GB123456789                      5 High Street

Invoice number: NP-2044

Northwind Paper Ltd, registered in England, company number 99904176. www.northwindpaper.example`
	found, sure := answerTo(t, `{"type": "object", "properties": {"seller": {"type": "string"}}, "required": ["seller"]}`, text)
	if found["seller"] != "Northwind Paper Ltd" || sure.Score < 0.9 {
		t.Errorf("found %v, %+v", found, sure)
	}
}

func TestAnswersAreDeterministicAndMatchTheSchema(t *testing.T) {
	const text = "Invoice number: A-1001\nInvoice date: 4 July 2024\nTotal amount: £12.50\nNet 10.42\nVAT 2.08"
	ctx := agents.ContextWithSchema(t.Context(), json.RawMessage(invoiceSchema))
	first := ask(t, ctx, text)
	compiled, err := schema.Compile(json.RawMessage(invoiceSchema))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(json.RawMessage(first.Content)); err != nil {
		t.Error(err)
	}
	for range 20 {
		again := ask(t, ctx, text)
		if again.Content != first.Content {
			t.Fatalf("%s, then %s", first.Content, again.Content)
		}
	}
}

func TestAgentReadsAnInvoice(t *testing.T) {
	agent, err := agents.New(agents.Config{Name: "reader", Model: New(Options{}), Output: json.RawMessage(invoiceSchema)})
	if err != nil {
		t.Fatal(err)
	}
	input, err := json.Marshal(map[string]string{"document": "Rechnungsnummer: 4711-1\nRechnungsdatum: 04.07.2024\nGesamtbetrag: 12,50 EUR\n"})
	if err != nil {
		t.Fatal(err)
	}
	result, err := agent.Do(t.Context(), coordinator.Attempt{Input: input, Label: coordinator.Untrusted})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(result.Output), `"total":12.50`) || result.Confidence.Score < 0.9 {
		t.Errorf("%s, %+v", result.Output, result.Confidence)
	}
}

func TestTextOverTheLimitIsRefusedForGood(t *testing.T) {
	_, err := New(Options{MaxText: 10}).Call(t.Context(), "more than ten bytes")
	if !errors.Is(err, ErrTooLong) || !coordinator.FailureOf(err).Permanent {
		t.Errorf("error %v", err)
	}
}

func TestLongTextsStayCheap(t *testing.T) {
	ctx := agents.ContextWithSchema(t.Context(), json.RawMessage(invoiceSchema))
	for _, part := range []string{"Total ", "1.2.", "Total: 12.00\n", "(((((", "a@", "1 000 ", "Invoice date 1/2/", "Invoice no A1 ", "Tax 1.00  "} {
		ask(t, ctx, strings.Repeat(part, 200_000/len(part)))
	}
}

var fileTool = llms.Tool{Type: "function", Function: &llms.FunctionDefinition{
	Name: "files_text", Description: "Reads a document of the workspace as plain text",
	Parameters: json.RawMessage(`{"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}`),
}}

var mailTool = llms.Tool{Type: "function", Function: &llms.FunctionDefinition{
	Name: "mail_send", Description: "Sends a mail",
	Parameters: json.RawMessage(`{"type": "object", "properties": {"to": {"type": "string"}, "subject": {"type": "string"}}, "required": ["to", "subject"]}`),
}}

func TestToolIsChosenByTheWordsOfTheTask(t *testing.T) {
	choice := ask(t, t.Context(), "Please read the document inbox/a-12.pdf", llms.WithTools([]llms.Tool{mailTool, fileTool}))
	if len(choice.ToolCalls) != 1 || choice.ToolCalls[0].FunctionCall.Name != "files_text" ||
		choice.ToolCalls[0].FunctionCall.Arguments != `{"path":"inbox/a-12.pdf"}` {
		t.Errorf("calls %+v", choice.ToolCalls)
	}
}

func TestToolWithoutItsArgumentsIsNotCalled(t *testing.T) {
	choice := ask(t, t.Context(), "Please send a mail", llms.WithTools([]llms.Tool{mailTool}))
	if len(choice.ToolCalls) != 0 || choice.StopReason != "stop" {
		t.Errorf("choice %+v", choice)
	}
}

func TestOutcomesOfToolsAreReadAndNoCallIsRepeated(t *testing.T) {
	call := llms.ToolCall{ID: "1", Type: "function", FunctionCall: &llms.FunctionCall{Name: "files_text", Arguments: `{"path":"a-12.pdf"}`}}
	messages := []llms.MessageContent{
		llms.TextParts(llms.ChatMessageTypeHuman, "read the document a-12.pdf"),
		{Role: llms.ChatMessageTypeAI, Parts: []llms.ContentPart{call}},
		{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{llms.ToolCallResponse{ToolCallID: "1", Name: "files_text",
			Content: `<data 0123456789ab>{"content": "Invoice\nTotal amount: 12.50 EUR\n"}</data 0123456789ab>`}}},
	}
	const wanted = `{"type": "object", "properties": {"total": {"type": ["number", "null"]}, "iban": {"type": ["string", "null"]}}, "required": ["total", "iban"]}`
	ctx := agents.ContextWithSchema(t.Context(), json.RawMessage(wanted))
	response, err := New(Options{}).GenerateContent(ctx, messages, llms.WithTools([]llms.Tool{fileTool}))
	if err != nil {
		t.Fatal(err)
	}
	if got := response.Choices[0]; got.Content != `{"iban":null,"total":12.50}` || len(got.ToolCalls) != 0 {
		t.Errorf("choice %+v", got)
	}
	response, err = New(Options{}).GenerateContent(t.Context(), messages, llms.WithTools([]llms.Tool{fileTool}))
	if err != nil {
		t.Fatal(err)
	}
	if got := response.Choices[0]; !strings.Contains(got.Content, "12.50") || len(got.ToolCalls) != 0 {
		t.Errorf("choice %+v", got)
	}
}

func TestWithoutSchemaOrToolItSaysWhatItIs(t *testing.T) {
	choice := ask(t, t.Context(), "What is the meaning of life?")
	sure := choice.GenerationInfo[agents.InfoConfidence].(*coordinator.Confidence)
	if !strings.Contains(choice.Content, "not a language model") || sure.Score > 0.3 {
		t.Errorf("%q, %+v", choice.Content, sure)
	}
}

func TestBrokenSchemaIsAPermanentError(t *testing.T) {
	ctx := agents.ContextWithSchema(t.Context(), json.RawMessage(`{"type":`))
	_, err := New(Options{}).Call(ctx, "x")
	if err == nil || !coordinator.FailureOf(err).Permanent {
		t.Errorf("error %v", err)
	}
}

func TestCallsOfOneConversationAreLimited(t *testing.T) {
	call := llms.ToolCall{ID: "1", Type: "function", FunctionCall: &llms.FunctionCall{Name: "files_text", Arguments: `{"path":"a-12.pdf"}`}}
	messages := []llms.MessageContent{
		{Role: llms.ChatMessageTypeAI, Parts: []llms.ContentPart{call}},
		llms.TextParts(llms.ChatMessageTypeHuman, "read the document b-13.pdf"),
	}
	for limit, want := range map[int]int{1: 0, 2: 1} {
		response, err := New(Options{MaxCalls: limit}).GenerateContent(t.Context(), messages, llms.WithTools([]llms.Tool{fileTool}))
		if err != nil {
			t.Fatal(err)
		}
		if got := len(response.Choices[0].ToolCalls); got != want {
			t.Errorf("limit %d: %d calls, want %d", limit, got, want)
		}
	}
}

func TestSchemaThatContainsItselfIsAnError(t *testing.T) {
	const wanted = `{"type": "object", "properties": {"inner": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"type": "object", "properties": {"inner": {"$ref": "#/$defs/a"}}}}}`
	ctx := agents.ContextWithSchema(t.Context(), json.RawMessage(wanted))
	if _, err := New(Options{}).Call(ctx, "x"); err == nil || !coordinator.FailureOf(err).Permanent {
		t.Errorf("error %v", err)
	}
}
