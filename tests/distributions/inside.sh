# usage: inside.sh WORK SUITE MIRROR COUNT APT-OPTION... CTEST-ARGUMENT...
# Started by run, as the first process of namespaces of its own: makes the system in WORK/root, and runs the project's commands there.
# DISTRIBUTION_ONLY_BUILD and DISTRIBUTION_CCACHE are options of run.
set -euo pipefail
root=$1/root
sources=$1/sources
suite=$2
mirror=$3
apt_options=("${@:5:$4}")
shift $((4 + $4))

mount --make-rprivate /
case $mirror in
  https:*) apt_options+=(--include=ca-certificates) ;;
esac
mmdebstrap --quiet --variant=apt ${apt_options[@]+"${apt_options[@]}"} "$suite" "$root" "deb $mirror $suite main"

# The folder as a mount: it becomes the root of other namespaces that the tests make.
mount --bind "$root" "$root"
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
# Certificates that apt's options name, and those that this machine's administrator has added.
apt-config dump | sed -nE 's/^Acquire::.*::CaInfo "(.+)";/\1/p' | while read -r file; do
  install -D -m 644 "$file" "$root$file"
done
if [ -x "$root/usr/sbin/update-ca-certificates" ] && [ -d /usr/local/share/ca-certificates ]; then
  cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/"
  chroot "$root" update-ca-certificates >/dev/null 2>&1
fi
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mv "$sources" "$root/root/locum"
environment=(HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8)
for name in http_proxy https_proxy no_proxy; do
  if [ "${!name:-}" ]; then
    environment+=("$name=${!name}")
  fi
done
if [ "${DISTRIBUTION_CCACHE:-}" ]; then
  mkdir "$root/ccache"
  mount --bind "$DISTRIBUTION_CCACHE" "$root/ccache"
  environment+=(CCACHE_DIR=/ccache)
fi
in_root() { chroot "$root" env -i "${environment[@]}" "$@"; }

summary=''
failed=0
# try COMMAND...: runs it in the folder of the sources, and goes on whatever it returns.
try() {
  local status=0
  printf '== %s: %s\n' "$suite" "$*"
  in_root sh -c 'cd /root/locum && exec "$@"' sh "$@" || status=$?
  if [ "$status" -eq 0 ]; then
    summary+="$* passed"$'\n'
  else
    summary+="$* failed, with status $status"$'\n'
    failed=1
  fi
}

if [ "${DISTRIBUTION_ONLY_BUILD:-}" ]; then
  try tests/run -N "$@"
else
  try jobs/demo
  try jobs/coupled
  try jobs/with_python
  try cmake --install build/release --prefix /root/installed
  try tests/run "$@"
fi

printf '== %s:' "$suite"
for package in g++ cmake libopenmpi3 libopenmpi40 libucx0 libhdf5-dev; do
  version=$(in_root dpkg-query -W -f '${Version}' "$package" 2>/dev/null) && printf ' %s %s' "$package" "$version"
done
printf '\n%s' "$summary"
exit "$failed"
