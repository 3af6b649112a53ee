#!/bin/sh
# Reads every note of an inbox with tutti, as a script or a cron job would: exit codes, JSON, keys, questions.
# It works in a copy of this folder and leaves nothing behind. TUTTI names another command than the one on PATH.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

if [ -z "${TUTTI_REDIS:-}" ] && ! command -v redis-server >/dev/null; then
	echo "run.sh: a run that waits must be kept somewhere: install redis-server, or name a Redis in TUTTI_REDIS" >&2
	exit 2
fi
tutti=${TUTTI:-$(command -v tutti || true)}
if [ -z "$tutti" ]; then
	tutti=$work/tutti
	(cd "$here/../.." && go build -o "$tutti" ./cmd/tutti)
fi
cp -R "$here/tutti.yaml" "$here/pipelines" "$here/inbox" "$work"
cd "$work"
export TUTTI_HOME="$work/.tutti" TUTTI_AS=ada

# of prints one part of what is known of a run.
of() { "$tutti" runs show "$1" --get "$2"; }

# once FILE carries out one note. The key holds the file's name and content: as long as both stay the same it is one run,
# however often and from wherever it is asked for, so this needs no lock. A file that was mended is another task.
once() {
	code=0
	run=$("$tutti" run reading --set note="$1" --key "$1 $(cksum <"$1")" -q --get /run) || code=$?
	case $code in
	0) echo "done     $1: $(of "$run" /output)" ;;
	1)
		echo "failed   $1: $(of "$run" /error)"
		failed="$failed $1"
		;;
	3)
		echo "waiting  $1: a person is asked"
		asked=$(of "$run" /asked/0/id)
		parked=$run
		;;
	*)
		echo "refused  $1: exit code $code"
		exit "$code"
		;;
	esac
	runs="$runs $run"
}

pass() {
	runs="" failed="" asked="" parked=""
	for note in inbox/*; do once "$note"; done
}

echo "== first pass"
pass
first=$runs

echo "== second pass: the same keys are the same runs"
pass
[ "$runs" = "$first" ] && echo "no new run"

echo "== what cannot be started is refused: exit code 2"
code=0
why=$("$tutti" run reading --set nota=inbox/1-harbour.txt 2>&1) || code=$?
echo "exit code $code: ${why#tutti: }"

echo "== nobody has answered yet: the run still waits, exit code 3"
code=0
"$tutti" run --resume "$parked" -q >/dev/null 2>&1 || code=$?
echo "exit code $code"

echo "== an answer: the run goes on in the command that gives it"
"$tutti" inbox amend "$asked" --set kwh=40877 --comment "phoned the janitor" -q
"$tutti" run --resume "$parked" -q # it has ended: this prints its result again

echo "== the broken file came again, by mail: another content, another run"
rm "inbox/4-broken.pdf"
printf 'Meter: M-4714\nDate: 2026-10-01\nReading: 66 kWh\n' >inbox/4-mended.txt
pass
[ -z "$failed$asked" ] && echo "all done"

echo "== what is kept"
for file in out/*.json; do echo "$file $(sed -n 's/.*"kwh": *\([0-9]*\).*/\1/p' "$file")"; done
