package rules

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/ext"
)

// newEnvironment knows the facts by name, value, money, and arithmetic in which numbers mix.
func newEnvironment(names []string) (*cel.Env, error) {
	replaced := env.NewLibrarySubset()
	for _, o := range arithmetic {
		replaced.AddExcludedFunctions(env.NewFunction(o.name))
	}
	options := []cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(replaced)),
		cel.CrossTypeNumericComparisons(true),
		cel.ParserExpressionSizeLimit(2 * maxCell),
		cel.Variable("value", cel.DynType),
		cel.Function("money", cel.Overload("money_dyn", []*cel.Type{cel.DynType}, cel.IntType, cel.UnaryBinding(money))),
		ext.Strings(), ext.Lists(), ext.Math(),
	}
	for _, o := range arithmetic {
		options = append(options, o.declare())
	}
	for _, name := range names {
		if isName.MatchString(name) { // others are reached as facts["a-b"]
			options = append(options, cel.Variable(name, cel.DynType))
		}
	}
	return cel.NewCustomEnv(options...)
}

var (
	isName    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	nameValue = regexp.MustCompile(`\bvalue\b`)
	operator  = regexp.MustCompile(`^(==|!=|<=|>=|<|>|in\b)\s*(.*)$`)
	quoted    = regexp.MustCompile(`^('[^'\\]*'|"[^"\\]*")$`)
)

func program(e *cel.Env, source string, cost uint64) (cel.Program, error) {
	tree, issues := e.Compile(source)
	if issues.Err() != nil {
		first := issues.Errors()[0].Message
		if name, ok := strings.CutPrefix(first, "undeclared reference to '"); ok {
			name, _, _ = strings.Cut(name, "'")
			if strings.Contains(source, name+"(") {
				return nil, fmt.Errorf("unknown function %q", name)
			}
			return nil, fmt.Errorf("unknown name %q: it is none of the facts; text stands in quotes: '%[1]s'", name)
		}
		first, _, _ = strings.Cut(first, "\n")
		return nil, errors.New(first)
	}
	return e.Program(tree, cel.CostLimit(cost), cel.EvalOptions(cel.OptTrackCost))
}

// testOf turns a cell of a when column into an expression over value.
func testOf(cell string) (string, error) {
	if m := operator.FindStringSubmatch(cell); m != nil {
		if m[2] == "" {
			return "", errors.New("nothing follows the comparison")
		}
		return "value " + m[1] + " (" + m[2] + ")", nil
	}
	switch {
	case strings.HasPrefix(cell, "."):
		return "value" + cell, nil
	case quoted.MatchString(cell):
		return "value == " + cell, nil
	case nameValue.MatchString(cell):
		return cell, nil
	case strings.HasPrefix(cell, "{"), strings.HasPrefix(cell, "["):
		return "value == " + cell, nil
	case strings.ContainsAny(cell[:1], "=<>!~&|("):
		return "", errors.New("this is no test; see the comparisons == != < <= > >= in")
	}
	switch v := literal(cell).(type) {
	case string:
		return "value == " + celString(v), nil
	case nil, bool, int64, float64:
		return "value == " + cell, nil
	}
	return "", errors.New("this is no test")
}

// celString quotes text for CEL.
func celString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`).Replace(s) + `"`
}
