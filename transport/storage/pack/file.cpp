#include "transport/storage/pack/file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <utility>

#include "core/value/error.hpp"
#include "transport/storage/durable_file.hpp"
#include "transport/storage/errors.hpp"
#include "transport/storage/pack/format.hpp"

namespace locum::storage {

namespace {

/// What is mapped at once. It costs addresses, not memory: records then need no call to the system.
constexpr std::uint64_t window_bytes = std::uint64_t{1} << 30U;

Error file_failed(const std::string& what, const std::string& path, int error_number) {
  return file_error(what + " the pack", path, error_number);
}

Error is_no_file(const std::string& path) {
  return Error(
      Errc::invalid_argument,
      "'" + path +
          "' is no file, and a pack is one; name another path, or, if it is a folder with a pack for "
          "each collection, open it with ?files=collection");
}

/// Who says that it writes the file: anything may be there.
std::string writer_of(int descriptor) {
  std::array<char, pack_line_bytes> text{};
  const ::ssize_t count = ::pread(descriptor, text.data(), text.size(), pack_line_bytes);
  std::string writer;
  for (::ssize_t at = 0; at < count && text[static_cast<std::size_t>(at)] != 0; ++at) {
    const char one = text[static_cast<std::size_t>(at)];
    writer += one >= ' ' && one <= '~' ? one : '?';
  }
  return writer.empty() ? "another process" : writer;
}

// False if the file has lost its name meanwhile.
Result<bool> lock_pack(const std::string& path, int descriptor) {
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    if (error == EWOULDBLOCK) {
      return Error(Errc::system, "the pack '" + path + "' is being written by " + writer_of(descriptor) +
                                     "; one session at a time writes it: close it there, or read it here "
                                     "with ?read=1");
    }
    return no_locks(path, std::generic_category().message(error));
  }
  struct stat locked {};
  return ::fstat(descriptor, &locked) == 0 && look_at(path).inode == locked.st_ino;
}

}  // namespace

PackLook look_at(const std::string& path) noexcept {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) {
    return {.is_gone = errno == ENOENT || errno == ENOTDIR};
  }
  return {static_cast<std::uint64_t>(facts.st_ino), static_cast<std::uint64_t>(facts.st_size)};
}

Result<void> sync_folder_of(const std::string& path) {
  const std::string folder = folder_of(path);
  const int error = sync_folder_at(AT_FDCWD, folder);
  return error == 0 ? Result<void>() : system_error("writing the folder '" + folder + "' failed", error);
}

Result<std::shared_ptr<PackFile>> PackFile::open(const std::string& path, As as, bool locks) {
  // Without waiting for whoever writes to a pipe of that name.
  const int flags = (as == As::reader ? O_RDONLY : O_RDWR | O_CREAT) | O_NONBLOCK;
  constexpr int rounds = 100;
  // Who compacts it gives its name to another file: then once more.
  for (int round = 0; round < rounds; ++round) {
    Descriptor opened = open_at(AT_FDCWD, path, flags, 0666);
    if (!opened.is_open()) {
      return errno == EISDIR                       ? is_no_file(path)
             : errno == ENOENT && as == As::reader ? not_made_yet("no pack '" + path + "'", "?read=1")
                                                   : file_failed("opening", path, errno);
    }
    const int descriptor = opened.number();
    auto file = std::make_shared<PackFile>(path, std::move(opened));
    struct stat facts {};
    if (::fstat(descriptor, &facts) != 0 || !S_ISREG(facts.st_mode)) {
      return is_no_file(path);
    }
    if (as == As::reader || !locks) {
      return file;
    }
    const auto locked = lock_pack(path, descriptor);
    if (!locked) {
      return locked.error();
    }
    if (*locked) {
      return file;
    }
  }
  return Error(
      Errc::system,
      "the pack '" + path + "' was replaced in each attempt to open it; stop the program that replaces it");
}

PackFile::PackFile(std::string path, Descriptor file)
    : path_(std::move(path)), file_(std::move(file)), largest_(largest_file()) {
  struct stat facts {};
  if (::fstat(file_.number(), &facts) == 0) {
    inode_ = static_cast<std::uint64_t>(facts.st_ino);
  }
}

Result<std::uint64_t> PackFile::size() const {
  struct stat facts {};
  return ::fstat(file_.number(), &facts) == 0
             ? Result<std::uint64_t>(static_cast<std::uint64_t>(facts.st_size))
             : file_failed("reading the size of", path_, errno);
}

Result<std::uint64_t> PackFile::read(std::uint64_t position, std::span<std::byte> into) const {
  const std::int64_t read = read_at(file_, position, into);
  return read < 0 ? file_failed("reading", path_, static_cast<int>(-read))
                  : Result<std::uint64_t>(static_cast<std::uint64_t>(read));
}

// Beyond the limit on file sizes a write does not fail: it kills the process by SIGXFSZ. The limit is asked
// for again only where it seems to be reached, so that most writes are one call.
Result<void> PackFile::has_room(std::uint64_t size_bytes) {
  if (size_bytes > largest_) {
    largest_ = largest_file();
  }
  return size_bytes <= largest_ ? Result<void>() : over_file_limit("the pack '" + path_ + "'", size_bytes);
}

Result<void> PackFile::write(std::uint64_t position, std::span<::iovec> pieces) {
  std::uint64_t end = position;
  for (const ::iovec& piece : pieces) {
    end += piece.iov_len;
  }
  auto room = has_room(end);
  while (room && !pieces.empty()) {
    const auto now = pieces.first(std::min<std::size_t>(pieces.size(), IOV_MAX));
    const ::ssize_t written =
        ::pwritev(file_.number(), now.data(), static_cast<int>(now.size()), static_cast<::off_t>(position));
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0) {
      return file_failed("writing", path_, errno);
    }
    position += static_cast<std::uint64_t>(written);
    auto count = static_cast<std::size_t>(written);
    std::size_t whole = 0;
    while (whole < now.size() && count >= now[whole].iov_len) {
      count -= now[whole].iov_len;
      ++whole;
    }
    if (whole < now.size()) {
      now[whole].iov_base = static_cast<char*>(now[whole].iov_base) + count;
      now[whole].iov_len -= count;
      largest_ = 0;  // the system took a part: somebody may have lowered the limit
      room = has_room(end);
    }
    pieces = pieces.subspan(whole);
  }
  return room;
}

Result<void> PackFile::cut(std::uint64_t size_bytes) const {
  while (::ftruncate(file_.number(), static_cast<::off_t>(size_bytes)) != 0) {
    if (errno != EINTR) {
      return file_failed("shortening", path_, errno);
    }
  }
  return {};
}

Result<void> PackFile::sync() const {
  while (::fdatasync(file_.number()) != 0) {
    if (errno != EINTR) {
      return file_failed("waiting for the disk of", path_, errno);
    }
  }
  return {};
}

Result<void> PackFile::rename(const std::string& path) {
  if (::rename(path_.c_str(), path.c_str()) != 0) {
    return file_failed("giving a new file the name of", path, errno);
  }
  path_ = path;
  return {};
}

Result<PackFile::Window> PackFile::window(std::uint64_t position, std::uint64_t size_bytes) const {
  void* const at =
      ::mmap(nullptr, size_bytes, PROT_READ, MAP_SHARED, file_.number(), static_cast<::off_t>(position));
  if (at == MAP_FAILED) {
    return errno == ENOMEM ? no_memory_left() : file_failed("mapping", path_, errno);
  }
  return Window(static_cast<const std::byte*>(at), [size_bytes](const std::byte* mapped) {
    ::munmap(const_cast<std::byte*>(mapped), size_bytes);
  });
}

Result<PackFile::Mapped> PackFile::map(std::uint64_t position, std::uint64_t size_bytes) {
  if (size_bytes == 0) {
    return Mapped{};
  }
  const std::uint64_t number = position / window_bytes;
  if ((position + size_bytes - 1) / window_bytes != number) {
    const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t first = position / page_bytes * page_bytes;
    auto own = window(first, position + size_bytes - first);
    return own ? Result<Mapped>(Mapped{*own, {own->get() + (position - first), size_bytes}}) : own.error();
  }
  const MutexLock lock(mutex_);
  auto found = windows_.find(number);
  if (found == windows_.end()) {
    auto made = window(number * window_bytes, window_bytes);
    if (!made) {
      return made.error();
    }
    found = windows_.emplace(number, std::move(*made)).first;
  }
  return Mapped{found->second, {found->second.get() + position % window_bytes, size_bytes}};
}

}  // namespace locum::storage
