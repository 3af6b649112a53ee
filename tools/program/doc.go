// Package program makes workers of programs: a tool without writing Go. Its family is called exec, and it is off unless the
// workspace names a program:
//
//	tools:
//	  exec:
//	    programs:
//	      resize:
//	        run: [python3, scripts/resize.py]
//	        description: Makes a picture smaller.
//	        effect: idempotent
//	        input: {type: object, properties: {path: {type: string, format: path}, width: {type: integer}}, required: [path, width]}
//	        output: {type: object, properties: {bytes: {type: integer}}, required: [bytes]}
//	        args: ["--width={width}", "--", "{path}"]
//	        env: {API_TOKEN: {secret: images}}
//	        pass: [PATH]
//
// That gives the worker exec.resize, with a schema and an effect of its own. The worker exec.run takes {program: resize,
// input: {…}} for plans that choose a program while they run; it knows the named programs only, and counts as the most
// dangerous of them.
//
// # Which file is run
//
// The first word of run is a name on PATH, or a path with a slash inside the workspace; never an absolute path and never
// one that leads out, also not through a symbolic link. It is looked up once, when the workspace is loaded, and run by its
// absolute path. Further words that name a file of the workspace by a path with a slash (scripts/resize.py) are made absolute
// too, so they don't depend on dir. Nobody's input changes any of this, and there is no shell unless run names one.
//
// An agent that may write files of the workspace may write such a script. sha256 pins it: the first word of run that is a file
// of the workspace, or else the program on PATH, is read before every start and refused when it has changed.
//
// # What the program sees
//
// The step's input, as one JSON object on standard input. Programs that want arguments get them by args: a {name} is replaced
// by that property of the input within its one argument, whatever the value holds. {name?} drops the argument when the
// property is missing; "{name...}" becomes one argument for each item of a list. A value that begins with a dash is refused
// where it would begin an argument, unless a "--" stands before it in args or allow_dashes is set. Words of run are never
// replaced.
//
// The environment holds what env sets, what pass lets through from our own, and TUTTI_KEY, TUTTI_RUN and TUTTI_PATH: the
// attempt's key, which is equal over retries of the same piece of work, the run, and the step. An idempotent program
// remembers the key. Nothing else is inherited, PATH and HOME included. Secrets belong in env: other users of the machine can
// see arguments.
//
// # What the program answers
//
// With output, standard output must be JSON that fits the schema; without, it is {text: …}, less the newlines at its end. The
// end of standard error goes into the error, or into a note if all went well; values of env are masked in it.
//
//	exit status  means                                                     as in sysexits.h
//	0            done
//	75           nothing happened, try again                               TEMPFAIL
//	64–68        nothing happened, and another try would fail too          USAGE DATAERR NOINPUT NOUSER NOHOST
//	77, 78       the same                                                  NOPERM CONFIG
//	others       nobody knows, unless the effect is none or read
//
// Programs that mean something else by these numbers say so: exit: {7: not_done, 75: unknown, 1: done, 2: permanent}.
//
// # When it is stopped
//
// At the timeout, or when the run is cancelled, the program and everything it started get SIGTERM, and SIGKILL after the grace
// time. What it left behind in its process group ends with it. A child that made a session of its own is out of reach, but
// nobody waits for it. Windows knows no groups: there only the program itself is ended.
package program
