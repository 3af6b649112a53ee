package main

import (
	"reflect"

	"github.com/tuttirun/tutti/tools/files"
	"github.com/tuttirun/tutti/tools/mail"
	"github.com/tuttirun/tutti/tools/report"
	"github.com/tuttirun/tutti/tools/rules"
	"github.com/tuttirun/tutti/tools/sqldb"
)

// settingsTypes are what the families of tools read from tutti.yaml, for its JSON Schema.
var settingsTypes = map[string]reflect.Type{
	"files":  reflect.TypeFor[files.Settings](),
	"mail":   reflect.TypeFor[mail.Settings](),
	"report": reflect.TypeFor[report.Settings](),
	"rules":  reflect.TypeFor[rules.Settings](),
	"sql":    reflect.TypeFor[sqldb.Settings](),
}
