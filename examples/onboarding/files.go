package main

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tuttirun/tutti/coordinator/pipeline"
)

// files is the workspace, and in late what arrives while it is at work.
//
//go:embed tutti.yaml answers.yaml customers late mail pipelines report rules
var files embed.FS

// crmAddress is where tutti.yaml expects the CRM.
const crmAddress = "127.0.0.1:8095"

// layOut copies the workspace into an empty folder, "" for a new one, and points it at the CRM's address.
func layOut(dir, address string) (string, error) {
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "tutti-onboarding-"); err != nil {
			return "", err
		}
	}
	if held, err := os.ReadDir(dir); err == nil && len(held) > 0 {
		return "", fmt.Errorf("%s is not empty: name another folder with -dir", dir)
	}
	for _, e := range must(fs.ReadDir(files, ".")) {
		if e.Name() != "late" && e.IsDir() {
			if err := os.CopyFS(filepath.Join(dir, e.Name()), must(fs.Sub(files, e.Name()))); err != nil {
				return "", err
			}
		}
	}
	settings := strings.Replace(string(must(files.ReadFile(pipeline.WorkspaceFile))), crmAddress, address, 1)
	return dir, os.WriteFile(filepath.Join(dir, pipeline.WorkspaceFile), []byte(settings), 0o600)
}

// must is for what is built in.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
