// Values one after the other in one file on a tmpfs, and a map in memory of where each lies: what a program
// writes that needs no more. One value at a time, or many. One process.

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <stdexcept>
#include <system_error>
#include <unordered_map>
#include <vector>

#include "bench/peers/makers.hpp"

namespace peers {

namespace {

constexpr std::size_t values_together = 256;
static_assert(values_together <= IOV_MAX);
/// More bytes than these in one call no longer fit caches.
constexpr std::size_t bytes_together = std::size_t{1} << 20U;

class AppendedPeer final : public Peer {
 public:
  /// Up to `at_a_time` values are written, or read, by one call.
  AppendedPeer(std::string path, std::size_t at_a_time)
      : path_(std::move(path)),
        at_a_time_(at_a_time),
        descriptor_(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {
    if (descriptor_ < 0) {
      fail();
    }
  }
  ~AppendedPeer() override {
    ::close(descriptor_);
    ::unlink(path_.c_str());
  }

  void put(std::span<const Item> items) override {
    while (!items.empty()) {
      items = items.subspan(append(items));
    }
  }
  void get(std::span<const std::string> names, const Reader& reader) override {
    for (std::size_t done = 0; done < names.size();) {
      const std::size_t together = read(names.subspan(done));
      std::span<const std::byte> left(buffer_);
      for (std::size_t i = 0; i < together; ++i) {
        reader(done + i, left.first(extents_[i].bytes));
        left = left.subspan(extents_[i].bytes);
      }
      done += together;
    }
  }
  void remove(std::span<const Item> items) override {
    for (const Item& item : items) {
      index_.erase(item.name);
    }
    // Else the file would grow with each round.
    if (index_.empty()) {
      if (::ftruncate(descriptor_, 0) != 0) {
        fail();
      }
      end_ = 0;
    }
  }

 private:
  /// Where a value lies in the file.
  struct Extent {
    std::uint64_t begin;
    std::size_t bytes;
  };

  [[noreturn]] void fail() const { throw std::system_error(errno, std::generic_category(), path_); }

  /// Writes the first ones at the end of the file. How many.
  std::size_t append(std::span<const Item> items) {
    pieces_.clear();
    std::size_t bytes = 0;
    while (pieces_.size() < std::min(items.size(), at_a_time_) && bytes < bytes_together) {
      const std::span<const std::byte> value = items[pieces_.size()].bytes;
      pieces_.push_back({const_cast<std::byte*>(value.data()), value.size()});  // it is read only
      bytes += value.size();
    }
    const ::ssize_t written =
        ::pwritev(descriptor_, pieces_.data(), static_cast<int>(pieces_.size()), static_cast<::off_t>(end_));
    if (written < 0) {
      fail();
    }
    if (static_cast<std::size_t>(written) != bytes) {
      errno = ENOSPC;
      fail();
    }
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      index_.emplace(items[i].name, Extent{end_, pieces_[i].iov_len});
      end_ += pieces_[i].iov_len;
    }
    return pieces_.size();
  }
  /// Reads the first ones that lie one after the other in the file into the buffer. How many.
  std::size_t read(std::span<const std::string> names) {
    extents_.clear();
    std::size_t bytes = 0;
    while (extents_.size() < std::min(names.size(), at_a_time_) && bytes < bytes_together) {
      const Extent extent = index_.at(names[extents_.size()]);
      if (!extents_.empty() && extent.begin != extents_.front().begin + bytes) {
        break;
      }
      extents_.push_back(extent);
      bytes += extent.bytes;
    }
    buffer_.resize(bytes);
    const ::ssize_t got =
        ::pread(descriptor_, buffer_.data(), bytes, static_cast<::off_t>(extents_.front().begin));
    if (got < 0) {
      fail();
    }
    if (static_cast<std::size_t>(got) != bytes) {
      throw std::runtime_error(path_ + " is shorter than it was written");
    }
    return extents_.size();
  }

  std::string path_;
  std::size_t at_a_time_;
  int descriptor_;
  std::uint64_t end_ = 0;
  std::unordered_map<std::string, Extent> index_;
  std::vector<::iovec> pieces_;    ///< of what is being written
  std::vector<Extent> extents_;    ///< of what is in the buffer
  std::vector<std::byte> buffer_;  ///< its memory is used again for the next values
};

}  // namespace

std::unique_ptr<Peer> make_appended(const Place& place) {
  return std::make_unique<AppendedPeer>(place.folder + "/appended", 1);
}
std::unique_ptr<Peer> make_appended_batched(const Place& place) {
  return std::make_unique<AppendedPeer>(place.folder + "/appended_batched", values_together);
}

}  // namespace peers
