package main

import (
	"reflect"

	"github.com/tuttirun/tutti/tools/data"
	"github.com/tuttirun/tutti/tools/files"
	"github.com/tuttirun/tutti/tools/mail"
	"github.com/tuttirun/tutti/tools/notify"
	"github.com/tuttirun/tutti/tools/object"
	"github.com/tuttirun/tutti/tools/program"
	"github.com/tuttirun/tutti/tools/report"
	"github.com/tuttirun/tutti/tools/rules"
	"github.com/tuttirun/tutti/tools/sqldb"
	"github.com/tuttirun/tutti/tools/template"
	"github.com/tuttirun/tutti/tools/web"
)

// settingsTypes are what the families of tools read from tutti.yaml, for its JSON Schema.
var settingsTypes = map[string]reflect.Type{
	"data": reflect.TypeFor[data.Settings](), "exec": reflect.TypeFor[program.Settings](), "files": reflect.TypeFor[files.Settings](),
	"http": reflect.TypeFor[web.Settings](), "mail": reflect.TypeFor[mail.Settings](), "notify": reflect.TypeFor[notify.Settings](),
	"object": reflect.TypeFor[object.Settings](), "report": reflect.TypeFor[report.Settings](), "rules": reflect.TypeFor[rules.Settings](),
	"sql": reflect.TypeFor[sqldb.Settings](), "template": reflect.TypeFor[template.Settings](),
}
