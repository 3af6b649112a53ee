#!/bin/sh
# Prints the creditor reference (ISO 11649) of an order number: RF, two check digits, the number.
# It needs nothing but a shell. 65 tells the coordinator that nothing happened and that another try would not help.
set -eu
number=$1
case $number in
"" | *[!A-Z0-9]*)
	echo "order number '$number': want capital letters and digits" >&2
	exit 65
	;;
esac
rest=0
text=${number}RF00
while [ -n "$text" ]; do
	c=${text%"${text#?}"}
	text=${text#?}
	case $c in
	[0-9]) rest=$(((rest * 10 + c) % 97)) ;;
	*) rest=$(((rest * 100 + $(printf %d "'$c") - 55) % 97)) ;; # A is 10, B is 11, …
	esac
done
printf 'RF%02d%s\n' $((98 - rest)) "$number"
