#!/usr/bin/env bash
# usage: selftest.sh SOURCE_DIR    What tests/distributions/run is told wrongly it refuses, with the reason; and it leaves no folder and no
# process, if it is ended while it works or mmdebstrap fails. mmdebstrap is one of the test's own here, and packages are fetched from nowhere.
# Skipped (77), with what run prints, where run cannot work.
set -uo pipefail
run=$1/tests/distributions/run
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/tmp"
export PATH=$work/bin:$PATH TMPDIR=$work/tmp SELFTEST=$work

fail() {
  printf 'selftest.sh: %s\n' "$1"
  cat "$work/log"
  exit 1
}

"$run" sarge >"$work/log" 2>&1 && fail 'a distribution that it does not know is no error'
grep -q "'sarge' is none of trixie, bookworm" "$work/log" || fail 'does not say what it knows'
"$run" trixie --mirror >"$work/log" 2>&1 && fail 'an option without its value is no error'
grep -q -e '--mirror wants a value' "$work/log" || fail 'does not say that a value is missing'

# Fails.
printf '#!/bin/sh\necho no such mirror\nexit 7\n' >"$work/bin/mmdebstrap"
chmod +x "$work/bin/mmdebstrap"
"$run" trixie --mirror http://mirror.invalid/ >"$work/log" 2>&1
status=$?
if [ "$status" -eq 3 ]; then
  cat "$work/log"
  exit 77
fi
[ "$status" -eq 7 ] || fail "ended with status $status, where mmdebstrap ends with 7"
[ -z "$(ls "$work/tmp")" ] || fail 'left a folder after mmdebstrap failed'

# Is ended: the lock is held as long as a process of it lives.
cat >"$work/bin/mmdebstrap" <<'TEXT'
#!/bin/bash
exec 9>"$SELFTEST/lock"
flock 9
echo begun >"$SELFTEST/begun"
sleep 600
TEXT
set -m  # else a command in the background cannot be interrupted
for signal in INT=130 TERM=143; do
  wanted=${signal#*=}
  signal=${signal%=*}
  rm -f "$work/begun"
  mkfifo "$work/begun"
  "$run" bookworm --mirror http://mirror.invalid/ >"$work/log" 2>&1 &
  read -r -t 60 _ <>"$work/begun" || fail 'mmdebstrap is not started'
  kill -"$signal" $!
  wait $!
  status=$?
  [ "$status" -eq "$wanted" ] || fail "ended with status $status by SIG$signal"
  flock -n "$work/lock" true || fail "a process is left after SIG$signal"
  [ -z "$(ls "$work/tmp")" ] || fail "a folder is left after SIG$signal"
done
