#!/bin/sh
# Prints the one application that came as a PDF. The dates inside the file are fixed, so that printing twice with the same
# chromium gives the same bytes.
set -eu
cd "$(dirname "$0")"
pdf=../customers/larkfield-wholesale/application.pdf
chromium --headless --no-sandbox --disable-gpu --disable-background-networking --disable-pdf-tagging \
	--no-pdf-header-footer --print-to-pdf="$pdf" "file://$PWD/larkfield-application.html" 2>/dev/null
LC_ALL=C sed -i -E "s|/(Creation\|Mod)Date \(D:[0-9]{14}|/\1Date (D:20261001080000|g" "$pdf"
