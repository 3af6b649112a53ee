package files

import "github.com/tuttirun/tutti/tools/folder"

// workspace is the folder whose files the tools give out, and how much of them.
type workspace struct {
	*folder.Folder
	settings Settings
}

// ErrOutside is wrapped by the error for a path that leads out of the workspace.
var ErrOutside = folder.ErrOutside
