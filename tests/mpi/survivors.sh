# shellcheck shell=bash
# Sourced, with the words that start a job, by scripts of jobs of which ranks die while the others continue: by a setting of Open
# MPI 4, without which this ends the script as skipped. $work is a folder for this run's files, removed at its end; nothing_left
# WHAT ends the script if a file stays in /dev/shm.
if ! "$1" --version | grep -Eq '(Open MPI|OpenRTE)\) 4'; then
  echo "SKIPPED: how to tell this launcher not to end a job whose rank dies is not known here: $("$1" --version | head -n 1)"
  exit 77
fi
export OMPI_MCA_orte_enable_recovery=1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work" OMPI_MCA_btl_vader_backing_directory="$work" OMPI_MCA_btl_sm_backing_directory="$work"

left_in_shm=$(dirname "${BASH_SOURCE[0]}")/../cmake/left_in_shm.sh
names_before=$(sh "$left_in_shm" names)
nothing_left() {
  local left
  left=$(sh "$left_in_shm" since "$names_before")
  if [ -n "$left" ]; then
    echo "FAILED: $1: left in /dev/shm: $left"
    exit 1
  fi
}
