// How fast objects leave the node's memory for its disk, and come back: beside a plain file of as many bytes
// in the same folder, written from, and read into, memory of the process that is in use. To and from the disk
// itself, and the system's cache of files, where nothing is synced, on either side.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/interleave.hpp"
#include "bench/node_store.hpp"
#include "bench/rows.hpp"

namespace locum::bench {

namespace {

constexpr std::uint64_t all_bytes = 512_MiB;

enum class Medium : std::uint8_t { cache_of_files, disk };

void need(bool done, const char* what) {
  if (!done) {
    throw std::runtime_error(what);
  }
}

/// The folder: LOCUM_BENCH_FOLDER, or the working folder. Every function gives GB/s.
class Spilled {
 public:
  Spilled(std::uint64_t object_bytes, Medium medium)
      : medium_(medium),
        node_({.memory_bytes = 2 * all_bytes, .spill_folder = folder()}),
        value_(object_bytes / sizeof(double), 1.5),
        keys_(all_bytes / object_bytes),
        buffer_(object_bytes) {}

  /// Of new objects: what has been on disk before is not written again.
  [[nodiscard]] double leave() {
    for (Key& key : keys_) {
      if (key.valid()) {
        (void)node_.store().evict(key).value();
      }
      key = node_.store().put(value_).value();
    }
    return rate([&] {
      need(node_.spill().make_room(all_bytes, {}).value() + 2 * all_bytes / 16 > all_bytes, "room");
      sync();
    });
  }
  [[nodiscard]] double come_back() {
    forget();
    return rate([&] {
      for (const Key& key : keys_) {
        need(node_.store().get<double[]>(key).value()[0] == 1.5, "get");
      }
    });
  }
  [[nodiscard]] double write() {
    if (file_ >= 0) {
      ::close(file_);
    }
    file_ = ::open(folder().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return rate([&] {
      for (std::uint64_t at = 0; at < all_bytes; at += buffer_.size()) {
        need(::write(file_, buffer_.data(), buffer_.size()) == std::ssize(buffer_), "write");
      }
      sync();
    });
  }
  [[nodiscard]] double read() {
    forget();
    return rate([&] {
      for (std::uint64_t at = 0; at < all_bytes; at += buffer_.size()) {
        read_piece(at, buffer_.data());
      }
    });
  }
  /// Into memory that the system has to give first, as it has to for an object that comes back.
  [[nodiscard]] double read_into_new_memory() {
    forget();
    const int memory = ::memfd_create("locum-bench", MFD_CLOEXEC);
    need(memory >= 0 && ::ftruncate(memory, all_bytes) == 0, "memfd_create");
    void* const mapped = ::mmap(nullptr, all_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    need(mapped != MAP_FAILED, "mmap");
    const double result = rate([&] {
      for (std::uint64_t at = 0; at < all_bytes; at += buffer_.size()) {
        need(::fallocate(memory, 0, static_cast<::off_t>(at), std::ssize(buffer_)) == 0, "fallocate");
        read_piece(at, static_cast<std::byte*>(mapped) + at);
      }
    });
    ::munmap(mapped, all_bytes);
    ::close(memory);
    return result;
  }
  Spilled(const Spilled&) = delete;
  Spilled& operator=(const Spilled&) = delete;
  ~Spilled() { ::close(file_); }

 private:
  void read_piece(std::uint64_t at, std::byte* into) const {
    need(::pread(file_, into, buffer_.size(), static_cast<::off_t>(at)) == std::ssize(buffer_), "pread");
  }
  [[nodiscard]] static std::string folder() {
    const char* const named = std::getenv("LOCUM_BENCH_FOLDER");
    return named == nullptr ? "." : named;
  }
  // All that this process has written to the folder's file system is on the disk.
  void sync() const {
    if (medium_ == Medium::disk) {
      const int opened = ::open(folder().c_str(), O_RDONLY | O_CLOEXEC);
      need(opened >= 0 && ::syncfs(opened) == 0, "syncfs");
      ::close(opened);
    }
  }
  // The system's cache has none of the files that this process has open in the folder's file system. The
  // file of the node has no name.
  void forget() const {
    struct stat of_folder {};
    need(::stat(folder().c_str(), &of_folder) == 0, "stat");
    for (int file = 0; medium_ == Medium::disk && file < 1024; ++file) {
      struct stat facts {};
      if (::fstat(file, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_dev == of_folder.st_dev) {
        need(::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0, "posix_fadvise");
      }
    }
  }
  template <class Body>
  [[nodiscard]] static double rate(Body body) {
    return static_cast<double>(all_bytes) / timed(body) / 1e9;
  }

  const Medium medium_;
  NodeStore node_;
  const std::vector<double> value_;
  std::vector<Key> keys_;
  std::vector<std::byte> buffer_;
  int file_ = -1;
};

double seconds_of(double rate) {
  return static_cast<double>(all_bytes) / rate / 1e9;
}

void leaves(benchmark::State& state, std::uint64_t object_bytes, Medium medium, Goal goal) {
  Spilled scene(object_bytes, medium);
  interleave(
      state, [&] { return scene.leave(); }, [&] { return scene.write(); }, seconds_of)
      .report(state, "GB/s", goal);
}

void comes_back(benchmark::State& state, std::uint64_t object_bytes, Medium medium, double (Spilled::*read)(),
                Goal goal) {
  Spilled scene(object_bytes, medium);
  interleave(
      state,
      [&] {
        (void)scene.leave();
        return scene.come_back();
      },
      [&] {
        (void)scene.write();
        return (scene.*read)();
      },
      seconds_of)
      .report(state, "GB/s", goal);
}

}  // namespace

void add_spill_rows() {
  constexpr std::uint64_t bytes = 1_MiB;
  constexpr Goal of_the_disk{Goal::Kind::ratio_at_least, 0.8};
  const std::string of = " 512 MiB in objects of 1 MiB ";
  add_row("spill" + of + "to the disk, to writing and syncing a plain file", 5, leaves, bytes, Medium::disk,
          of_the_disk);
  add_row("fetch back" + of + "from the disk, to reading a plain file from it", 5, comes_back, bytes,
          Medium::disk, &Spilled::read, of_the_disk);
  add_row("fetch back" + of + "from the disk, to reading a plain file from it into new shared memory", 5,
          comes_back, bytes, Medium::disk, &Spilled::read_into_new_memory, of_the_disk);
  add_row("spill" + of + "to the cache of files, to writing a plain file", 5, leaves, bytes,
          Medium::cache_of_files, Goal{});
  add_row("fetch back" + of + "from the cache of files, to reading a plain file into warm memory", 5,
          comes_back, bytes, Medium::cache_of_files, &Spilled::read, Goal{});
  add_row("fetch back" + of + "from the cache of files, to reading a plain file into new shared memory", 5,
          comes_back, bytes, Medium::cache_of_files, &Spilled::read_into_new_memory, Goal{});
}

}  // namespace locum::bench
