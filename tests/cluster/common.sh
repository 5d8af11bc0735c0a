# shellcheck shell=bash
# Sourced by the scripts of a cluster.
dir=/media              # the files of a cluster: a tmpfs there, which all its hosts see
login_name=login
data_net=10.77.0        # what ranks use: eth0 of each host
control_net=10.78.0     # what launchers use: ctl0 of each host

die() { echo "tests/cluster: $*" >&2; exit 1; }

# wait_for SECONDS COMMAND...: until the command succeeds; false if it does not in time.
wait_for() {
  local until=$((SECONDS + $1 + 1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $until ] || return 1
    sleep 0.02
  done
}

# A tmpfs instead of /tmp, with the folders of CLUSTER_KEEP in it.
own_tmp() {
  local new=$dir/tmp path
  mkdir -p "$new"
  mount -t tmpfs -o mode=1777 tmpfs "$new"
  while read -r path; do
    [ -n "$path" ] || continue
    mkdir -p "$new/${path#/tmp/}"
    mount --bind "$path" "$new/${path#/tmp/}"
  done <<< "$CLUSTER_KEEP"
  mount --move "$new" /tmp
  cd "$PWD" || exit  # the same folder, seen anew
}

# /sys and /dev/shm of a host's own. Slurm wants a cgroup file system.
own_mounts() {
  mount -t sysfs -o ro sysfs /sys
  mount -t tmpfs -o mode=1777 tmpfs /dev/shm
  mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null || true
  own_tmp
}

# The only child of a process.
child_of() {
  local children
  children=$(cat "/proc/$1/task/$1/children" 2>/dev/null) && [ -n "$children" ] && echo "${children%% *}"
}
process_of() { cat "$dir/processes/$1"; }  # the first process of host $1, a number

# on HOST COMMAND...: in the namespaces of that host.
on() {
  local process
  process=$(process_of "$1")
  shift
  nsenter --target "$process" --pid --net --uts --ipc --mount --root --wdns="$PWD" "$@"
}
