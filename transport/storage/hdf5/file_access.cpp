#include "transport/storage/hdf5/file_access.hpp"

#include "core/value/error.hpp"

// H5Pset_file_locking() came with 1.12.1, and with 1.10.7 of the older line.
#if H5_VERSION_GE(1, 12, 1) || (H5_VERS_MAJOR == 1 && H5_VERS_MINOR == 10 && H5_VERS_RELEASE >= 7)
#define LOCUM_HDF5_CAN_LEAVE_LOCKS 1
#else
#define LOCUM_HDF5_CAN_LEAVE_LOCKS 0
#endif

namespace locum::storage {

namespace {

constexpr std::uint64_t aligned_to = 4096;

#if LOCUM_HDF5_CAN_LEAVE_LOCKS
void leave_locks(const Identifier& access, const std::string& what) {
  check(H5Pset_file_locking(access.get(), false, true), what);
}
#else
void leave_locks(const Identifier& /*access*/, const std::string& /*what*/) {}
#endif

// `opened`: what HDF5 has returned. The variable of the environment has precedence over what is asked of
// HDF5.
Identifier opened_or_explained(hid_t opened, const std::string& path, const std::string& what) {
  if (opened >= 0 || lock_state(path, true) != LockState::unknown) {
    return {opened, H5Fclose, what};
  }
  try {
    return {opened, H5Fclose, what};
  } catch (const Error& error) {
    throw Error(Errc::system,
                what +
                    " failed: its file system has no locks (flock), and HDF5 wants one; set "
                    "HDF5_USE_FILE_LOCKING=FALSE in the environment of all ranks",
                error.detail());
  }
}

}  // namespace

Identifier new_access(const std::string& what) {
  Identifier access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, what);
  check(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V18, H5F_LIBVER_LATEST), what);
  return access;
}

Identifier create_unlocked(const std::string& path, std::uint64_t aligned_from) {
  const std::string what = "making the file '" + path + "'";
  const Identifier access = new_access(what);
  leave_locks(access, what);
  if (aligned_from > 0) {
    check(H5Pset_alignment(access.get(), aligned_from, aligned_to), what);
  }
  return opened_or_explained(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), path, what);
}

Identifier open_with_lock(const std::string& path, unsigned flags, const Identifier& access,
                          const std::string& what) {
  hid_t opened = H5Fopen(path.c_str(), flags, access.get());
  if (opened < 0 && lock_state(path, true) == LockState::unknown) {
    leave_locks(access, what);
    opened = H5Fopen(path.c_str(), flags, access.get());
  }
  return opened_or_explained(opened, path, what);
}

Identifier open_to_read(const std::string& path, const std::string& what) {
  const Identifier access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, what);
  return open_with_lock(path, H5F_ACC_RDONLY, access, what);
}

// HDF5 does not pass on to the other file what it was told of this one. First with its lock, as
// open_with_lock() does: HDF5 opens no file a second time in another way.
Identifier dataset_access(const Identifier& file, const std::string& path, const std::string& name) {
  const std::string what = "opening the dataset '" + name + "' of '" + path + "'";
  Identifier access(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose, what);
  if (H5Oexists_by_name(file.get(), name.c_str(), access.get()) <= 0 &&
      lock_state(path, true) == LockState::unknown) {
    const Identifier of_links(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, what);
    leave_locks(of_links, what);
    check(H5Pset_elink_fapl(access.get(), of_links.get()), what);
  }
  return access;
}

}  // namespace locum::storage
