# shellcheck shell=bash
# Sourced by scripts that follow a job by the board of its ranks, the file LOCUM_TEST_SHARED. They set `job`, the process that starts the
# ranks, `bytes_of_rank`, which a rank has on the board, and `patience`, for so many seconds no rank may be without a round; and they
# have `fail`. The first word of a rank is the number of its rounds.

# word_of RANK [WORD]
word_of() {
  # shellcheck disable=SC2154
  od --address-radix=n --format=u8 --skip-bytes=$((bytes_of_rank * $1 + 8 * ${2:-0})) --read-bytes=8 "$LOCUM_TEST_SHARED" | tr -d ' '
}
is_over() { ! kill -0 "$job"; }
has_failed() { grep -q '^rank .* FAILED: ' "$CLUSTER_DIR/out"; }
has_made() { [ "$(word_of "$1")" -ge "$2" ] || is_over || has_failed; }
# more_rounds N RANK...: until each of these ranks has made N more rounds than at this time.
more_rounds() {
  local more=$1 rank goals=()
  shift
  for rank in "$@"; do
    goals[rank]=$(($(word_of "$rank") + more))
  done
  for rank in "$@"; do
    # shellcheck disable=SC2154
    wait_for "$patience" has_made "$rank" "${goals[rank]}" || fail "rank $rank makes no progress"
    ! has_failed || fail 'a rank has failed'
  done
  ! is_over 2>/dev/null || fail 'the job has ended'
}
# start_job [NAME=VALUE...] PROGRAM ARGS...: its output goes to the file `out`.
start_job() {
  local settings=()
  while [[ $1 == *=* ]]; do
    settings+=("$1")
    shift
  done
  rm -f "$LOCUM_TEST_SHARED"*
  head -c 65536 /dev/zero > "$LOCUM_TEST_SHARED"
  env "${settings[@]}" job "$@" > "$CLUSTER_DIR/out" 2>&1 &
  job=$!
}
