#!/bin/sh
# usage: error_stop.sh PROGRAM    An error of a call without `stat` ends the program, with the library's text on standard error.
set -u
failed=0
# ends HOW TEXT
ends() {
  output=$("$program" "$1" 2>&1)
  status=$?
  if [ "$status" -eq 0 ]; then echo "$1: the program went on: $output"; failed=1; fi
  case $output in
    *"ERROR STOP $2"*) ;;
    *) echo "$1: no such text: $output"; failed=1 ;;
  esac
}
program=$1
ends unopened 'invalid_argument: this is no store'
ends missing 'not_found: '
ends copied 'a locum_view cannot be copied'
"$program" none >/dev/null || { echo 'the program without a mistake fails'; failed=1; }
exit $failed
