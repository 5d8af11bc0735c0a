# Sourced by tests/run, tests/distributions/run, jobs/demo, jobs/with_python, bench/run, bench/peers/run, bench/proxystore/run, bench/zarr/run, docs/build and
# .ci/run: the distribution packages that each of them needs (Debian 12 and 13, Ubuntu 24.04), and their installation. In one place, so that scripts and
# documents agree.

packages_for_build='g++ cmake ninja-build ccache pkg-config libopenmpi-dev openmpi-bin libboost-dev libucx-dev libhdf5-dev'
# What locum_storage_part() names: for backends of stores, and for wrappers of them.
packages_for_build+=" $(sed -n 's/^locum_storage_part(.* PACKAGE \([a-z0-9+.-]*\).*/\1/p' transport/storage/CMakeLists.txt transport/storage/*/backend.cmake | tr '\n' ' ')"
packages_for_languages='gfortran python3-dev python3-numpy python3-mpi4py pybind11-dev python3-matplotlib'  # Fortran, Python and its pictures
packages_for_tests='libgtest-dev librapidcheck-dev git mount iproute2 nftables libcli11-dev python3 redis-server memcached openssl nlohmann-json3-dev libdlpack-dev'
packages_for_tests+=" $packages_for_languages python3-lazy-object-proxy python3-pytest"
packages_for_tests+=' python3-venv python3-setuptools python3-wheel mypy'  # the installation of the Python package, and its types
packages_for_tests+=' hdf5-tools python3-h5py python3-pandas'  # programs that read checkpoints
packages_for_tests+=' python3-tifffile python3-msgpack python3-msgpack-numpy python3-zarr'  # and the formats of files and shards, Zarr and its codecs; python3-torch (40 MB) is used if it is there
packages_for_proxystore='python3-cloudpickle python3-pytest-asyncio python3-typing-extensions python3-pydantic python3-tomli-w'  # with LOCUM_PROXYSTORE_TREE
packages_for_cluster='openmpi-bin mount iproute2 nftables slurm-wlm munge'
packages_for_mpich='mpich libmpich-dev'
packages_for_bench='libbenchmark-dev libcli11-dev gnuplot-nox python3 iproute2 nftables iperf3'
packages_for_bench+=' gfortran python3-dev python3-numpy pybind11-dev'  # the rows of C, Fortran and Python
packages_for_peers='libcli11-dev redis-server libhiredis-dev memcached libmemcached-dev liblmdb-dev librocksdb-dev libhdf5-dev'
packages_for_jobs='libcairo2-dev libpng-dev libcli11-dev'
packages_for_lammps='liblammps-dev'  # 18 MB in Debian 12, but 405 MB in Debian 13, where VTK comes with it
packages_for_ci='clang-16 clang-tidy-16 clang-format-16 libclang-rt-16-dev llvm-16 lld-16 git'
packages_for_docs='doxygen'
packages_for_distributions='mmdebstrap debian-archive-keyring git'

# install_packages PURPOSE...: installs missing packages for these purposes. As root, or by sudo; without either it prints the
# command that an administrator has to run, and ends the script with status 3.
install_packages() {
  local purpose list missing='' package
  for purpose in "$@"; do
    list=packages_for_$purpose
    for package in ${!list}; do
      if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
        missing+=" $package"
      fi
    done
  done
  if [ -z "$missing" ]; then
    return 0
  fi

  local install="apt-get install -y --no-install-recommends$missing"
  local as_root=''
  if ! command -v apt-get >/dev/null; then
    printf 'These packages (named as in Debian 12) are missing:%s\n' "$missing" >&2
    exit 3
  elif [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null || ! { sudo -n true 2>/dev/null || { [ -t 0 ] && sudo true; }; }; then
      printf 'Packages are missing, and installing them takes root. Have this run, then try again:\n\n  %s\n\n' \
        "$install" >&2
      exit 3
    fi
    as_root=sudo
  fi
  printf '== installing (may take some minutes)%s\n' "$missing"
  local log
  log=$(mktemp)
  if ! { $as_root apt-get update && $as_root env DEBIAN_FRONTEND=noninteractive $install; } >"$log" 2>&1; then
    cat "$log" >&2
    rm "$log"
    printf '\nThis failed: %s\n' "$install" >&2
    exit 3
  fi
  rm "$log"
}
