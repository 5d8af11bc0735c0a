#include "transport/ucx/addresses.hpp"

#include <algorithm>
#include <random>

#include "core/ports/together.hpp"

namespace locum::ucx {
namespace {

// Thousands of times the size of an address; more is damage.
constexpr std::uint64_t longest_address = 1 << 20;

struct Announcement {
  std::uint64_t size = 0;
  std::uint64_t session = 0;
};

std::uint64_t draw() {
  std::random_device source;
  return (std::uint64_t{source()} << 32) | source();
}

}  // namespace

Addresses::Addresses(Group& group, std::span<const std::byte> mine) {
  const Announcement own{mine.size(), draw()};
  const std::vector<Announcement> all = together::gathered(group, own);
  session_ = all.at(0).session;
  for (const Announcement& one : all) {
    if (one.size == 0 || one.size > longest_address) {
      throw Error(Errc::corrupt,
                  "a rank announced an invalid UCX address; start all ranks with the same library");
    }
    sizes_.push_back(one.size);
    stride_ = std::max<std::size_t>(stride_, one.size);
  }

  std::vector<std::byte> padded(stride_);
  std::copy(mine.begin(), mine.end(), padded.begin());
  bytes_ = group.all_gather(padded);
}

std::span<const std::byte> Addresses::of(int rank) const noexcept {
  const auto at = static_cast<std::size_t>(rank);
  return std::span(bytes_).subspan(at * stride_, sizes_[at]);
}

}  // namespace locum::ucx
