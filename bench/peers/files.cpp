// A file for each value, on a tmpfs: written under another name and renamed, so that no reader sees half a
// value; read into memory of the reader, or mapped.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

#include "bench/peers/makers.hpp"

namespace peers {

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

/// An open file.
class File {
 public:
  File(const std::string& path, int flags) : path_(path), descriptor_(::open(path.c_str(), flags, 0600)) {
    if (descriptor_ < 0) {
      fail(path);
    }
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { ::close(descriptor_); }

  [[nodiscard]] std::size_t size() const {
    struct stat facts {};
    if (::fstat(descriptor_, &facts) != 0) {
      fail(path_);
    }
    return static_cast<std::size_t>(facts.st_size);
  }
  void write(std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
      const ::ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0) {
        fail(path_);
      }
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }
  void read(std::span<std::byte> bytes) const {
    while (!bytes.empty()) {
      const ::ssize_t got = ::read(descriptor_, bytes.data(), bytes.size());
      if (got <= 0) {
        fail(path_);
      }
      bytes = bytes.subspan(static_cast<std::size_t>(got));
    }
  }
  /// The whole file, mapped while `use` runs.
  template <class Use>
  void map(const Use& use) const {
    const std::size_t bytes = size();
    // All pages at once: a fault for each would cost more.
    void* base = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, descriptor_, 0);
    if (base == MAP_FAILED) {
      fail(path_);
    }
    const auto unmap = [bytes](void* mapped) { ::munmap(mapped, bytes); };
    const std::unique_ptr<void, decltype(unmap)> guard(base, unmap);
    use(std::span(static_cast<const std::byte*>(base), bytes));
  }

 private:
  const std::string& path_;
  int descriptor_;
};

class FilesPeer final : public Peer {
 public:
  FilesPeer(const Place& place, bool mapped) : folder_(place.folder + '/'), mapped_(mapped) {}

  void put(std::span<const Item> items) override {
    for (const Item& item : items) {
      const std::string path = path_of(item.name);
      const std::string draft = path + ".draft";
      File(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC).write(item.bytes);
      if (::rename(draft.c_str(), path.c_str()) != 0) {
        fail(path);
      }
    }
  }
  void get(std::span<const std::string> names, const Reader& reader) override {
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string path = path_of(names[i]);
      const File file(path, O_RDONLY | O_CLOEXEC);
      if (mapped_) {
        file.map([&](std::span<const std::byte> bytes) { reader(i, bytes); });
      } else {
        buffer_.resize(file.size());
        file.read(buffer_);
        reader(i, buffer_);
      }
    }
  }
  void remove(std::span<const Item> items) override {
    for (const Item& item : items) {
      const std::string path = path_of(item.name);
      if (::unlink(path.c_str()) != 0) {
        fail(path);
      }
    }
  }

 private:
  [[nodiscard]] std::string path_of(const std::string& name) const {
    std::string path = folder_ + name;
    std::replace(path.begin() + static_cast<std::ptrdiff_t>(folder_.size()), path.end(), '/', '.');
    return path;
  }

  std::string folder_;
  bool mapped_;
  std::vector<std::byte> buffer_;
};

}  // namespace

std::unique_ptr<Peer> make_files_read(const Place& place) {
  return std::make_unique<FilesPeer>(place, false);
}
std::unique_ptr<Peer> make_files_mapped(const Place& place) {
  return std::make_unique<FilesPeer>(place, true);
}

}  // namespace peers
