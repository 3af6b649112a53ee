package offline
import ("testing";"time";"strings";"fmt";"encoding/json";"github.com/tuttirun/tutti/agents")
func TestZZ(t *testing.T){
	ctx := agents.ContextWithSchema(t.Context(), json.RawMessage(invoiceSchema))
	for _,n:=range []int{50_000,200_000,800_000}{
	for _, part := range []string{"Total ", "1.2.", "Total: 12.00\n", "(((((", "a@", "1 000 ", "Invoice date 1/2/", "Invoice no A1 ", "Tax 1.00  ","Total  ", "1.2.2024-","Total\n","Invoice\n123\n", "Acme Ltd ","Acme Ltd\n","Total 1.00  Total\n"} {
		t0:=time.Now()
		ask(t, ctx, strings.Repeat(part, n/len(part)))
		if d:=time.Since(t0); d>200*time.Millisecond {fmt.Println(n,part,d)}
	}}
}
