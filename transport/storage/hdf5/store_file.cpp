#include "transport/storage/hdf5/store_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "core/ports/backend.hpp"
#include "transport/storage/errors.hpp"
#include "transport/storage/hdf5/checkpoint_layout.hpp"
#include "transport/storage/hdf5/dataset.hpp"
#include "transport/storage/hdf5/early_dataset.hpp"
#include "transport/storage/hdf5/errors.hpp"
#include "transport/storage/hdf5/file_access.hpp"
#include "transport/storage/hdf5/record_dataset.hpp"
#include "transport/storage/hdf5/record_links.hpp"

namespace locum::storage {

namespace {

constexpr const char* own_group_name = ".locum";
constexpr const char* mark_name = "state";
constexpr const char* mark_path = "/.locum/state";
constexpr const char* format_attribute = "store_format";
constexpr std::uint64_t store_format = 1;
constexpr std::uint64_t mark_at_rest = 0;
constexpr std::uint64_t mark_changing = 1;
/// What HDF5 writes beside the bytes of a record: headers, groups, their indices.
constexpr std::uint64_t own_bytes = 256 * 1024;
/// What HDF5 keeps of these in memory.
constexpr std::size_t cached_bytes = 256 * 1024;

Error damaged_file(const std::string& path) {
  return Error(Errc::corrupt,
               "the file '" + path +
                   "' is damaged, or is being changed now: a process ended while it changed it. Take an "
                   "earlier copy of it, or open it with ?read_only=1&damaged=1 and put what can still be "
                   "read into a new file");
}

// H5Fflush(), with which each change ends, looks at all that HDF5 has in its cache: by its usual size, a
// change takes four times as long from some thousand records on.
Identifier access_list(const std::string& what) {
  Identifier access = new_access(what);
  H5AC_cache_config_t cache{};
  cache.version = H5AC__CURR_CACHE_CONFIG_VERSION;
  check(H5Pget_mdc_config(access.get(), &cache), what);
  cache.set_initial_size = true;
  cache.initial_size = cache.min_size = cache.max_size = cached_bytes;
  cache.incr_mode = H5C_incr__off;
  cache.flash_incr_mode = H5C_flash_incr__off;
  cache.decr_mode = H5C_decr__off;
  check(H5Pset_mdc_config(access.get(), &cache), what);
  return access;
}

std::uint64_t make_mark(const Identifier& file, const std::string& path) {
  const Identifier word(H5Tcopy(H5T_STD_U64LE), H5Tclose, "copying a type");
  const std::array<std::uint64_t, 1> one{1};
  return make_early_dataset(file, path, mark_path, word, one);
}

void make_store_file(const std::string& path) {
  DurableFile durable(path);
  std::uint64_t mark_at = 0;
  {
    const Hdf5Turn turn;
    const std::string what = "making the file '" + path + "'";
    Identifier file = create_unlocked(durable.temporary());
    mark_at = make_mark(file, path);
    const Identifier group(H5Gopen2(file.get(), own_group, H5P_DEFAULT), H5Gclose, what);
    set_attribute(group, format_attribute, store_format);
    check(H5Fflush(file.get(), H5F_SCOPE_LOCAL), what);
    file.close(what);
  }
  durable.open();
  durable.write_at(mark_at, std::as_bytes(std::span(&mark_at_rest, 1)));
  durable.publish();
}

// HDF5 locks the files that it opens, where the file system can.
[[noreturn]] void cannot_open(const std::string& path, bool only_reads, const Error& error) {
  const LockState state = lock_state(path, only_reads);
  if (state == LockState::free) {
    throw Error(Errc::corrupt,
                "HDF5 cannot read the file '" + path +
                    "': it is damaged, or no HDF5 file; take an earlier copy of it, or name another file",
                error.detail());
  }
  if (state == LockState::taken) {
    throw Error(Errc::system,
                "the file '" + path + "' is open elsewhere, by " +
                    (only_reads ? "a session that writes it: close it there, then open it to read"
                                : "a program that reads it (h5py, for example), or another session: close "
                                  "it there, or open it with ?read_only=1"),
                error.detail());
  }
  throw error;
}

Identifier open_store_file(const std::string& path, bool only_reads) {
  const std::string what = "opening the file '" + path + "'";
  const Identifier access = access_list(what);
  try {
    return open_with_lock(path, only_reads ? H5F_ACC_RDONLY : H5F_ACC_RDWR, access, what);
  } catch (const Error& error) {
    cannot_open(path, only_reads, error);
  }
}

// Its word, checked as anything in the file is.
Identifier open_mark(const Identifier& file, const std::string& path) {
  const std::string what = "reading the state of '" + path + "'";
  const Identifier root(H5Gopen2(file.get(), "/", H5P_DEFAULT), H5Gclose, what);
  LinkedObject group = look_at_link(root, own_group_name);
  LinkedObject word;
  if (group.kind == LinkedObject::Kind::group) {
    word = look_at_link(group.object, mark_name);
  }
  if (word.kind != LinkedObject::Kind::dataset) {
    throw Error(Errc::invalid_argument,
                "'" + path +
                    "' is an HDF5 file of another program, or a checkpoint: hdf5: makes a file of its own; "
                    "name a new one");
  }
  if (const std::uint64_t format = attribute_or(group.object, format_attribute, store_format);
      format > store_format) {
    throw unknown_format(path, format, store_format);
  }
  return std::move(word.object);
}

void require_at_rest(const Identifier& file, const std::string& path) {
  std::uint64_t state = mark_changing;
  if (!read_bytes(open_mark(file, path), std::as_writable_bytes(std::span(&state, 1))) ||
      state != mark_at_rest) {
    throw damaged_file(path);
  }
}

// Its place in the file. Where another program has compressed it (h5repack), it is made anew.
std::uint64_t place_of_mark(const Identifier& file, const std::string& path, std::uint64_t file_bytes) {
  Identifier word = open_mark(file, path);
  if (const auto offset = place_in_file(word, sizeof(std::uint64_t), file_bytes)) {
    return *offset;
  }
  const std::string what = "making the state of '" + path + "'";
  word.close(what);
  check(H5Ldelete(file.get(), mark_path, H5P_DEFAULT), what);
  const std::uint64_t offset = make_mark(file, path);
  check(H5Fflush(file.get(), H5F_SCOPE_LOCAL), what);
  return offset;
}

}  // namespace

StoreFile::StoreFile(std::string path, const Options& options) : path_(std::move(path)), options_(options) {
  struct stat facts {};
  if (::stat(folder_of(path_).c_str(), &facts) != 0) {
    throw system_error("there is no folder '" + folder_of(path_) + "' for an HDF5 file; make it first",
                       errno);
  }
  if (!options_.only_reads && options_.locks) {
    lock_.emplace(path_);
    if (!lock_->holds()) {
      throw no_locks(path_);
    }
  }
  if (::stat(path_.c_str(), &facts) != 0) {
    if (errno != ENOENT) {
      throw file_error("opening", path_, errno);
    }
    if (options_.only_reads) {
      throw not_made_yet("no file '" + path_ + "'", "?read_only=1");
    }
    make_store_file(path_);
  } else if (!S_ISREG(facts.st_mode)) {
    throw Error(Errc::invalid_argument, "'" + path_ + "' is no file; name the HDF5 file");
  }
  descriptor_ = open_at(AT_FDCWD, path_, options_.only_reads ? O_RDONLY : O_RDWR);
  if (!descriptor_.is_open()) {
    throw file_error("opening", path_, errno);
  }
  const Hdf5Turn turn;
  {
    // To look first changes nothing.
    const Identifier looked_at = open_store_file(path_, true);
    unsigned intent = 0;
    check(H5Fget_intent(looked_at.get(), &intent), "opening the file '" + path_ + "'");
    if ((intent & H5F_ACC_RDWR) != 0) {
      throw Error(Errc::system, "the file '" + path_ +
                                    "' is being written by another session of this process; use that one, or "
                                    "close it first");
    }
    if (!options_.takes_damaged) {
      require_at_rest(looked_at, path_);
    }
  }
  Identifier file = open_store_file(path_, options_.only_reads);
  if (!options_.only_reads) {
    mark_at_ = place_of_mark(file, path_, size().value());
    mark(mark_at_rest).value();
  }
  hdf5_ = std::move(file);
}

// All changes are written: HDF5 may cut the file where its end is free, after it has noted that, so that
// whoever ends meanwhile leaves it whole.
StoreFile::~StoreFile() {
  // Nobody is there to be told: the mark says it, if a change was not written.
  (void)with_hdf5([&] { hdf5_.close("closing the file '" + path_ + "'"); });
  if (has_changed_) {
    (void)sync();
  }
}

Result<std::uint64_t> StoreFile::size() const {
  struct stat facts {};
  return ::fstat(descriptor_.number(), &facts) == 0
             ? Result<std::uint64_t>(static_cast<std::uint64_t>(facts.st_size))
             : file_error("reading the size of", path_, errno);
}

Result<void> StoreFile::mark(std::uint64_t state) const {
  return write_at(mark_at_, std::as_bytes(std::span(&state, 1)), {});
}

Result<void> StoreFile::sync() const {
  while (::fdatasync(descriptor_.number()) != 0) {
    if (errno != EINTR) {
      return file_error("waiting for the disk of", path_, errno);
    }
  }
  return {};
}

// HDF5 does not cope with a full disk, and a write beyond the limit kills the process.
Result<void> StoreFile::take_room(std::uint64_t bytes) const {
  const auto there = size();
  if (!there) {
    return there.error();
  }
  const std::uint64_t wanted = bytes + own_bytes;
  if (wanted < bytes || largest_file() < wanted || largest_file() - wanted < *there) {
    return over_file_limit("'" + path_ + "'", *there + wanted);
  }
  while (::fallocate(descriptor_.number(), FALLOC_FL_KEEP_SIZE, static_cast<::off_t>(*there),
                     static_cast<::off_t>(wanted)) != 0) {
    if (errno == EOPNOTSUPP || errno == ENOSYS) {
      return {};  // writing says it
    }
    if (errno != EINTR) {
      return file_error("taking " + std::to_string(wanted) + " bytes of the disk for", path_, errno);
    }
  }
  return {};
}

Result<void> StoreFile::begin_change() {
  if (failure_) {
    return *failure_;
  }
  if (is_changing_) {
    return {};
  }
  is_changing_ = true;
  has_changed_ = true;
  auto marked = mark(mark_changing);
  return marked && options_.syncs ? sync() : marked;
}

Result<void> StoreFile::end_changes() {
  if (!is_changing_) {
    return {};
  }
  Result<void> done = failure_ ? Result<void>(*failure_) : Result<void>();
  if (done) {
    done =
        with_hdf5([&] { check(H5Fflush(hdf5_.get(), H5F_SCOPE_LOCAL), "writing the file '" + path_ + "'"); });
  }
  done = done && options_.syncs ? sync() : done;
  done = done ? mark(mark_at_rest) : done;
  if (!done) {
    give_up(done.error());
  }
  is_changing_ = !done;
  return done;
}

Result<void> StoreFile::read_at(std::uint64_t offset, std::span<std::byte> into, Deadline deadline) const {
  while (!into.empty()) {
    const auto piece = into.first(std::min(into.size(), most_bytes_at_once));
    if (auto read = result_of([&] { read_exactly(descriptor_, offset, piece, path_); }); !read) {
      return read;
    }
    into = into.subspan(piece.size());
    offset += piece.size();
    if (!into.empty()) {
      if (auto time = still_time(deadline); !time) {
        return time;
      }
    }
  }
  return {};
}

Result<void> StoreFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes,
                                 Deadline deadline) const {
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), most_bytes_at_once));
    if (const int error = storage::write_at(descriptor_, offset, piece); error != 0) {
      return file_error("writing", path_, error);
    }
    bytes = bytes.subspan(piece.size());
    offset += piece.size();
    if (!bytes.empty()) {
      if (auto time = still_time(deadline); !time) {
        return time;
      }
    }
  }
  return {};
}

}  // namespace locum::storage
