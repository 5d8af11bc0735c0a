#!/bin/sh
# usage: demo_refuses.sh REGEX COMMAND...    Passes if COMMAND ends with status 2 and exactly one line of its output matches
# REGEX: all ranks stop, and one of them prints the reason.
pattern=$1
shift
output=$("$@" 2>&1)
status=$?
printf '%s\nended with status %d\n' "$output" "$status"
[ "$status" -eq 2 ] && [ "$(printf '%s\n' "$output" | grep -Ec -e "$pattern")" -eq 1 ]
