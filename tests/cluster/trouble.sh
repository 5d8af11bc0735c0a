#!/bin/bash
# shellcheck disable=SC2086  # lists of ranks are words
# usage: [LOCUM_TEST_SEED=N] [LOCUM_TROUBLE=KIND] [LOCUM_TROUBLE_SECONDS=45] tests/cluster/trouble.sh PROGRAM
#        [...] tests/cluster/run --hosts 3 --ranks-per-host 2 --script tests/cluster/trouble.sh PROGRAM
#
# PROGRAM is cluster_trouble_tests. Jobs one after the other, with a kind of trouble each, at times and on hosts that follow from the
# seed; ranks check all values and all errors meanwhile (trouble_test.cpp). Each kind once, in an order of the seed's, then a death:
#   cuts, stops       links are cut, hosts stopped, for up to a second; calls take longer, none fails
#   loss, slow        1 % of the packets of a host are lost; it has 20 to 500 Mbit/s; none fails
#   delay             what a host sends and receives comes 20 ms later; none fails
#   mixed             all of these
#   cut_off, stopped  for longer than the deadline: all learn of the loss, in time; each side continues
#   killed, dark      a host dies; its connections are closed, or it falls silent; the others continue
# LOCUM_TROUBLE: a job of that kind only. No job but the death is begun after LOCUM_TROUBLE_SECONDS. Outside of a cluster it makes one after
# the other until then, with seeds that count from the first: a killed host does not come back.
set -u
here=$(cd "$(dirname "$0")" && pwd)
program=$1
seconds=${LOCUM_TROUBLE_SECONDS:-45}
first_seed=${LOCUM_TEST_SEED:-$((10#$(date +%N) % 32768))}
kinds=(cuts cut_off loss stopped slow delay stops mixed)
deaths=(killed dark)

# Of lines with what ranks have done (errors by call: get.peer_lost=3), or jobs: operations, and errors by code.
summary() {
  awk '{
    for (at = 1; at <= NF; at++) {
      if ($at == "wrong") { wrong += $(at - 1) }
      if ($at == "operations,") { operations += $(at - 1) }
      if ($at == "ms" && $(at + 1) ~ /^\(/ && $(at - 1) >= longest) { longest = $(at - 1); which = $(at + 1) }
      if (split($at, error, "=") == 2) { sub(".*\\.", "", error[1]); errors[error[1]] += error[2] }
    }
  }
  END {
    printf "%d operations, the longest %d ms %s %d wrong values, errors:", operations, longest, which, wrong
    for (name in errors) { printf " %s=%d", name, errors[name]; some = 1 }
    print some ? "" : " none"
  }'
}

if [ -z "${CLUSTER_DIR:-}" ]; then
  log=$(mktemp)
  cluster=
  # shellcheck disable=SC2317  # by the trap
  end() {
    [ -z "$cluster" ] || { kill -TERM "$cluster" && wait "$cluster"; }
    rm -f "$log" "$log.all"
  }
  trap end EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  status=0
  for ((seed = first_seed; status == 0 && (seed == first_seed || SECONDS < seconds); seed++)); do
    export LOCUM_TEST_SEED=$seed LOCUM_TROUBLE_SECONDS=$((seconds - SECONDS))
    bash "$here/run" --hosts 3 --ranks-per-host 2 --timeout $((LOCUM_TROUBLE_SECONDS + 240)) --script "$0" "$program" > "$log" 2>&1 &
    cluster=$!
    wait "$cluster" || status=$?
    cluster=
    cat "$log"
    cat "$log" >> "$log.all"
  done
  [ "$status" = 0 ] || exit "$status"
  echo "passed: $(grep -c '^passed' "$log.all") jobs, $(grep -c '^  .* s  ' "$log.all") events, $(grep '^passed' "$log.all" | summary)"
  exit
fi

# shellcheck source=tests/cluster/common.sh
. "$here/common.sh"
# shellcheck source=tests/cluster/board.sh
. "$here/board.sh"
bytes_of_rank=7680 patience=60
export LOCUM_TEST_SHARED=$CLUSTER_DIR/board
ranks=$((CLUSTER_HOSTS * CLUSTER_RANKS))
all=$(seq 0 $((ranks - 1)))

fail() {
  echo "FAILED: $kind: $*"
  grep -v '^calls of' "$CLUSTER_DIR/out" | head -n 60
  echo "rounds:$(for rank in $all; do echo " $(word_of "$rank")"; done | tr -d '\n')"
  echo "To play it again: LOCUM_TEST_SEED=$first_seed LOCUM_TROUBLE=$kind LOCUM_TROUBLE_SECONDS=0 $here/trouble.sh $program"
  exit 1
}
has_lost() { [ "$(word_of "$1" 1)" -eq "$2" ] || is_over; }
# all_lose N RANK...: until each of these ranks has lost N others.
all_lose() {
  local lost=$1 rank
  shift
  for rank in "$@"; do
    wait_for 60 has_lost "$rank" "$lost" || fail "rank $rank has lost $(word_of "$rank" 1) ranks, not $lost"
  done
}
say() { printf '  %6.2f s  %s\n' "$(($(date +%s%3N) - job_began))e-3" "$*"; }
# random BELOW: sets `drawn`. Only what the seed is to decide calls it.
random() { drawn=$((RANDOM % $1)); }
pause() { sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))"; }  # how long trouble lasts, or does not: nothing waits for it
pick_host() { random "$CLUSTER_HOSTS"; host=$((drawn + 1)); }
rates=(20mbit 50mbit 100mbit 200mbit 500mbit)

# Packets that the rules of `host lose` have dropped.
lost_now() { nft list chain bridge trouble forward | sed -n 's/.* counter packets \([0-9]*\) .*/\1/p' | awk '{ sum += $1 } END { print sum + 0 }'; }
# One that calls survive.
small_trouble() {
  local what=$1 host
  local mixed=(cuts stops loss slow delay)
  if [ "$what" = mixed ]; then
    random ${#mixed[@]}
    what=${mixed[drawn]}
  fi
  pick_host
  random 950
  local ms=$((50 + drawn))
  case $what in
    cuts) say "cut host $host for $ms ms"; host cut $host; pause $ms; host restore $host ;;
    stops) say "stop host $host for $ms ms"; host stop $host; pause $ms; host continue $host ;;
    loss)
      say "host $host loses 1 % for $((3 * ms)) ms"
      host lose $host 1%
      pause $((3 * ms))
      ;;
    slow)
      random ${#rates[@]}
      say "host $host has ${rates[drawn]} for $((3 * ms)) ms"
      host slow $host ${rates[drawn]}
      pause $((3 * ms))
      ;;
    delay)
      say "host $host is 20 ms away for $((3 * ms)) ms"
      host delay $host 20
      pause $((3 * ms))
      ;;
  esac || fail "there is no such trouble: $what"
  more_rounds 2 $all
  [ $what != loss ] || lost_packets=$((lost_packets + $(lost_now)))
  [ $what = stops ] || host restore $host
}

# play KIND: what happens follows from it and the seed.
play() {
  kind=$1
  local seed=$((first_seed * 17 + $(place_of "$kind"))) lost_packets=0
  local began=$SECONDS victim rank events drawn near='' far='' near_count allows=lossless environment=() status=0 victims_done=
  RANDOM=$seed
  job_began=$(date +%s%3N)
  echo "== $kind"
  random "$CLUSTER_HOSTS"
  victim=$drawn
  for rank in $all; do
    if [ $((rank / CLUSTER_RANKS)) = $victim ]; then far+=" $rank"; else near+=" $rank"; fi
  done
  near_count=$((ranks - CLUSTER_RANKS))
  case $kind in
    cuts | stops) environment=(LOCUM_PEER_TIMEOUT_MS=8000) ;;
    loss | slow | delay | mixed) environment=(LOCUM_PEER_TIMEOUT_MS=20000) ;;
    cut_off) allows=cut environment=(LOCUM_PEER_TIMEOUT_MS=2000) ;;
    stopped) allows=stopped environment=(LOCUM_PEER_TIMEOUT_MS=2000) ;;
    # Without UCX's copies a death may end a survivor (docs/failure.md).
    killed | dark) allows=killed environment=(LOCUM_PEER_TIMEOUT_MS=2000 UCX_ZCOPY_THRESH=inf OMPI_MCA_orte_enable_recovery=1) ;;
    *) echo "there is no trouble '$kind'" >&2; exit 2 ;;
  esac
  start_job "${environment[@]}" "$program" $allows "$seed" $victim "$CLUSTER_RANKS"
  more_rounds 3 $all
  random 1000
  pause $drawn
  [ $allows = lossless ] || : > "$LOCUM_TEST_SHARED.trouble"
  case $kind in
    cut_off)
      say "cut host $((victim + 1)) off"
      host cut $((victim + 1))
      all_lose "$CLUSTER_RANKS" $near
      all_lose "$near_count" $far
      say 'all have learned of it'
      random 2
      [ "$drawn" = 0 ] || { say 'the link works again'; host restore $((victim + 1)); }
      more_rounds 5 $all
      ;;
    stopped)
      say "stop host $((victim + 1))"
      host stop $((victim + 1))
      all_lose "$CLUSTER_RANKS" $near
      say 'the others have learned of it; it continues'
      host continue $((victim + 1))
      all_lose "$near_count" $far
      more_rounds 5 $all
      ;;
    killed | dark)
      say "$kind: host $((victim + 1))"
      [ "$kind" = killed ] || host cut $((victim + 1))
      host kill $((victim + 1))
      all_lose "$CLUSTER_RANKS" $near
      say 'the others have learned of it'
      more_rounds 5 $near
      victims_done=yes
      ;;
    *)
      random 3
      events=$((2 + drawn))
      for ((; events > 0; events--)); do
        small_trouble "$kind"
        random 500
        pause $drawn
      done
      ;;
  esac
  : > "$LOCUM_TEST_SHARED.stop"
  wait_for 90 is_over || fail 'the job does not end'
  wait "$job" 2>/dev/null || status=$?
  for rank in $near $([ -n "$victims_done" ] || echo $far); do
    grep -q "^rank $rank: 0 failures, 0 wrong values" "$CLUSTER_DIR/out" || fail "rank $rank has failed; the job ended with status $status"
  done
  [ $allows != lossless ] || [ $status = 0 ] || fail "the job ended with status $status"
  [ -n "$victims_done" ] || host restore $((victim + 1))
  [ "$kind" != loss ] || [ "$lost_packets" -gt 0 ] || fail 'no packet was lost'
  grep '^rank' "$CLUSTER_DIR/out" | sort
  echo "passed: $kind, $((SECONDS - began)) s, $lost_packets packets lost, $(grep '^rank' "$CLUSTER_DIR/out" | summary)"
}

# place_of KIND: its number
place_of() {
  local one number=0
  for one in "${kinds[@]}" "${deaths[@]}"; do
    [ "$one" != "$1" ] || { echo $number; return; }
    number=$((number + 1))
  done
  echo 0  # which `play` refuses
}

echo "LOCUM_TEST_SEED=$first_seed"
if [ -n "${LOCUM_TROUBLE:-}" ]; then
  play "$LOCUM_TROUBLE"
  exit
fi
RANDOM=$first_seed
order=()
while [ ${#kinds[@]} -gt ${#order[@]} ]; do
  random ${#kinds[@]}
  [[ " ${order[*]} " == *" ${kinds[drawn]} "* ]] || order+=("${kinds[drawn]}")
done
for kind in "${order[@]}"; do
  [ $SECONDS -ge "$seconds" ] || play "$kind"
done
play "${deaths[first_seed % 2]}"
