#include "transport/storage/file_calls.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "core/value/errors.hpp"

namespace locum::storage {

namespace {

/// Between two looks at the clock.
constexpr std::size_t most_bytes_a_call = std::size_t{16} << 20U;

}  // namespace

Descriptor open_at(int folder, const std::string& path, int flags, mode_t mode) noexcept {
  int number = -1;
  do {
    number = ::openat(folder, path.c_str(), flags | O_CLOEXEC | O_NOCTTY, mode);
  } while (number < 0 && errno == EINTR);
  return Descriptor(number);
}

Result<void> write_all(const Descriptor& file, std::span<const std::byte> bytes, const std::string& path,
                       Deadline deadline) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.number(), bytes.data(), std::min(bytes.size(), most_bytes_a_call));
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      return file_error("writing", path, written == 0 ? ENOSPC : errno);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    const auto end = deadline.moment(std::chrono::hours(1));
    if (!bytes.empty() && Deadline::Clock::now() >= end) {
      return deadline_passed("the record was not written to '" + path + "'", "look at its disk");
    }
  }
  return {};
}

std::int64_t read_at(const Descriptor& file, std::uint64_t offset, std::span<std::byte> into) noexcept {
  std::size_t read = 0;
  while (read < into.size()) {
    const ssize_t count =
        ::pread(file.number(), into.data() + read, into.size() - read, static_cast<off_t>(offset + read));
    if (count > 0) {
      read += static_cast<std::size_t>(count);
    } else if (count == 0) {
      break;
    } else if (errno != EINTR) {
      return -std::int64_t{errno};
    }
  }
  return static_cast<std::int64_t>(read);
}

int write_at(const Descriptor& file, std::uint64_t offset, std::span<const std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file.number(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(written));
      offset += static_cast<std::uint64_t>(written);
    } else if (written == 0) {
      return ENOSPC;
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

Result<Descriptor> open_small_file(const std::string& path, std::size_t most_bytes) {
  Descriptor file = open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK);
  if (!file.is_open() && errno == ENOENT) {
    return Error(Errc::not_found, "there is no file '" + path + "'; name one that this process can read");
  }
  struct stat facts {};
  if (!file.is_open() || ::fstat(file.number(), &facts) != 0) {
    return file_error("opening", path, errno);
  }
  if (!S_ISREG(facts.st_mode)) {
    return Error(Errc::invalid_argument,
                 "'" + path + "' is no file but a folder, a pipe or a device; name a regular file");
  }
  if (static_cast<std::uint64_t>(facts.st_size) > most_bytes) {
    return Error(Errc::invalid_argument, "the file '" + path + "' has more than " +
                                             std::to_string(most_bytes) + " bytes; name another one");
  }
  return file;
}

Result<std::string> text_of_small_file(const std::string& path, std::size_t most_bytes) {
  const auto file = open_small_file(path, most_bytes);
  if (!file) {
    return file.error();
  }
  std::string text(most_bytes, '\0');
  const std::int64_t size = read_at(*file, 0, std::as_writable_bytes(std::span(text)));
  if (size < 0) {
    return file_error("reading", path, static_cast<int>(-size));
  }
  text.resize(static_cast<std::size_t>(size));
  return text;
}

int sync_file(const Descriptor& file) noexcept {
  while (::fsync(file.number()) != 0) {
    if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

int sync_folder_at(int folder, const std::string& path) noexcept {
  const Descriptor opened = open_at(folder, path, O_RDONLY | O_DIRECTORY);
  const int error = opened.is_open() ? sync_file(opened) : errno;
  return error == EINVAL ? 0 : error;
}

Result<void> make_folder(const std::filesystem::path& path, bool syncs) {
  std::error_code unknown;
  const std::filesystem::path above = path.parent_path();
  if (path.empty() || path == above || std::filesystem::exists(path, unknown)) {
    return {};
  }
  if (auto made = make_folder(above, syncs); !made) {
    return made;
  }
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) {
    return file_error("making the folder", path.string(), errno);
  }
  // What cannot be opened was not made here.
  if (const int error = syncs ? sync_folder_at(AT_FDCWD, above.string()) : 0; error != 0 && error != EACCES) {
    return file_error("writing the folder", above.string(), error);
  }
  return {};
}

std::int64_t changed_ns(const struct stat& facts) noexcept {
  return std::int64_t{facts.st_mtim.tv_sec} * 1'000'000'000 + facts.st_mtim.tv_nsec;
}

std::uint64_t largest_file() noexcept {
  rlimit limit{};
  return ::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY
             ? std::numeric_limits<std::uint64_t>::max()
             : std::uint64_t{limit.rlim_cur};
}

Error file_error(const std::string& what, const std::string& path, int error_number) {
  const auto said = [&](const char* then) {
    return system_error(what + " '" + path + "' failed; " + then, error_number);
  };
  switch (error_number) {
    case EACCES:
    case EPERM:
      return said(
          "have its owner allow this user to read and write there (chmod, chgrp), or open another folder");
    case EROFS:
      return said("its file system is mounted read-only: open another folder, or only read here");
    case ENOSPC:
    case EDQUOT:
      return said("the disk, or a quota there, is full: evict objects or remove files, and store it again");
    case ENAMETOOLONG:
      return said("open a folder with a shorter path");
    case ENOTDIR:
      return said("part of the path is a file: remove it, or open another folder");
    case EISDIR:
      return said("there is a folder of that name: remove it, or choose another name");
    case EXDEV:
      return said(
          "the folder of the store is on another file system than the rest: open that one by a URL of its "
          "own");
    case EMFILE:
    case ENFILE:
      return said("too many files are open: raise the limit (ulimit -n)");
    case EIO:
      return said("look at that disk");
    default:
      return said("look at that folder and its file system");
  }
}

}  // namespace locum::storage
