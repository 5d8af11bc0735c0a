#!/bin/sh
# usage: coupling.sh ROOT    Coupling a simulation takes as few lines as docs/guide/couple_with_python.md says, in its own programs and in
# jobs/heat and jobs/wave: at most 12 lines in Fortran, and 6 in Python, name locum or what it has made. The excerpts in docs/lammps.md are lines of jobs/melt.
set -eu
cd "$1"
page=docs/guide/couple_with_python.md
failed=0

# program NAME: the block of the page that begins with the name of this file.
program() {
  awk -v name="$1" '/^```/ { inside = 0 } inside { print } /^(!|#) / && $2 == name { inside = 1 }' "$page"
}

# lines LEAST MOST WHAT PATTERN PROGRAM
lines() {
  count=$(printf '%s\n' "$5" | grep -Eic "$4" || [ $? -eq 1 ])  # 1: there are none
  if [ "$count" -lt "$1" ] || [ "$count" -gt "$2" ]; then
    printf '%s: %d lines are for locum, and not %d to %d\n' "$3" "$count" "$1" "$2"
    failed=1
  fi
}

fortran='^ *[^! ].*(locum|%(begin|create|put|end)\(|runtime%|out%)'
python='^ *[^# ].*(locum|step\[)'
lines 12 12 "$page, in Fortran" "$fortran" "$(program plate_in_fortran.f90)"
lines 6 6 "$page, in Python" "$python" "$(program watch_plate.py)"
lines 1 12 jobs/heat/simulation.f90 "$fortran" "$(cat jobs/heat/simulation.f90)"
for analysis in jobs/heat/analysis.py jobs/wave/analysis.py; do
  lines 1 6 $analysis "$python" "$(cat $analysis)"
done

# Lines of an excerpt that are no line of a file.
excerpt() { # excerpt KIND FILE
  awk -v kind="$1" '/^```/ { inside = ($0 == "```" kind); next } inside && NF' docs/lammps.md | grep -vxFf "$2" || [ $? -eq 1 ]
}
for other in "$(excerpt cpp jobs/melt/simulation.cpp)" "$(excerpt python jobs/melt/analysis.py)"; do
  if [ "$other" ]; then
    printf 'docs/lammps.md has lines that jobs/melt has not:\n%s\n' "$other"
    failed=1
  fi
done
if [ $failed -eq 0 ]; then
  echo "simulations and analyses are coupled by as few lines as the documents say"
fi
exit $failed
