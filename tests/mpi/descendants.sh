# Sourced by scripts that end a whole job.

descendants() {  # descendants PROCESS: those of its children and their children, the youngest first
  local child
  while read -r child; do
    descendants "$child"
    echo "$child"
  done < <(cat "/proc/$1/task/"*/children 2>/dev/null | tr ' ' '\n')
}
