// How fast objects leave the node's memory for its disk, and come back: beside a plain file of as many bytes
// in the same folder, written from, and read into, memory of the process that is in use. Nothing is synced,
// on either side.
#include <fcntl.h>
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

void need(bool done, const char* what) {
  if (!done) {
    throw std::runtime_error(what);
  }
}

/// The folder: LOCUM_BENCH_FOLDER, or the working folder. Every function gives GB/s.
class Spilled {
 public:
  explicit Spilled(std::uint64_t object_bytes)
      : node_({.memory_bytes = 2 * all_bytes, .spill_folder = folder()}),
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
    });
  }
  [[nodiscard]] double come_back() {
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
    });
  }
  [[nodiscard]] double read() {
    return rate([&] {
      for (std::uint64_t at = 0; at < all_bytes; at += buffer_.size()) {
        need(::pread(file_, buffer_.data(), buffer_.size(), static_cast<::off_t>(at)) == std::ssize(buffer_),
             "pread");
      }
    });
  }
  Spilled(const Spilled&) = delete;
  Spilled& operator=(const Spilled&) = delete;
  ~Spilled() { ::close(file_); }

 private:
  [[nodiscard]] static std::string folder() {
    const char* const named = std::getenv("LOCUM_BENCH_FOLDER");
    return named == nullptr ? "." : named;
  }
  template <class Body>
  [[nodiscard]] static double rate(Body body) {
    return static_cast<double>(all_bytes) / timed(body) / 1e9;
  }

  NodeStore node_;
  const std::vector<double> value_;
  std::vector<Key> keys_;
  std::vector<std::byte> buffer_;
  int file_ = -1;
};

double seconds_of(double rate) {
  return static_cast<double>(all_bytes) / rate / 1e9;
}

void leaves(benchmark::State& state, std::uint64_t object_bytes) {
  Spilled scene(object_bytes);
  interleave(
      state, [&] { return scene.leave(); }, [&] { return scene.write(); }, seconds_of)
      .report(state, "GB/s", {Goal::Kind::ratio_at_least, 0.8});
}

void comes_back(benchmark::State& state, std::uint64_t object_bytes) {
  Spilled scene(object_bytes);
  interleave(
      state,
      [&] {
        (void)scene.leave();
        return scene.come_back();
      },
      [&] {
        (void)scene.write();
        return scene.read();
      },
      seconds_of)
      .report(state, "GB/s", {});
}

}  // namespace

void add_spill_rows() {
  const std::string of = " 512 MiB in objects of 1 MiB, to ";
  add_row("spill" + of + "writing a plain file", 5, leaves, std::uint64_t{1_MiB});
  add_row("fetch back" + of + "reading a plain file into warm memory", 5, comes_back, std::uint64_t{1_MiB});
}

}  // namespace locum::bench
