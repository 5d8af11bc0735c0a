#include "shm/arena/adopted_pages.hpp"

#include <algorithm>

namespace locum::shm {

AdoptedPages::AdoptedPages(std::uint64_t begin, std::uint64_t size_bytes, std::span<const Block> used)
    : begin_(begin), pages_(size_bytes / page_bytes) {
  std::vector<std::uint64_t> begins;
  std::vector<std::uint64_t> ends;
  begins.reserve(used.size());
  ends.reserve(used.size());
  for (const Block& block : used) {
    if (inside(block)) {
      const Pages pages = pages_of(block);
      begins.push_back(pages.first);
      ends.push_back(pages.end);
    }
  }
  std::sort(begins.begin(), begins.end());
  std::sort(ends.begin(), ends.end());

  stretches_.reserve(begins.size() + ends.size() + 1);
  std::uint32_t users = 0;
  std::size_t begun = 0;
  for (std::size_t ended = 0; ended < ends.size();) {
    const std::uint64_t at = begun < begins.size() ? std::min(begins[begun], ends[ended]) : ends[ended];
    for (; begun < begins.size() && begins[begun] == at; ++begun) {
      ++users;
    }
    for (; ended < ends.size() && ends[ended] == at; ++ended) {
      --users;
    }
    if (!stretches_.empty() && stretches_.back().users != 0) {
      used_pages_ += at - stretches_.back().first;
    }
    stretches_.push_back({at, users});
  }
  stretches_.shrink_to_fit();
}

bool AdoptedPages::inside(const Block& block) const noexcept {
  const std::uint64_t size_bytes = pages_ * page_bytes;
  return block.offset >= begin_ && block.offset - begin_ < size_bytes &&
         block.size_bytes <= size_bytes - (block.offset - begin_);
}

// An empty block has a page, too: it needs an address of its own.
AdoptedPages::Pages AdoptedPages::pages_of(const Block& block) const noexcept {
  const std::uint64_t within = block.offset - begin_;
  const std::uint64_t last = within + std::max<std::uint64_t>(block.size_bytes, 1) - 1;
  return {within / page_bytes, last / page_bytes + 1};
}

// The index of the stretch that begins with that page; the number of stretches if none does.
std::size_t AdoptedPages::stretch_at(std::uint64_t first) const noexcept {
  const auto found =
      std::lower_bound(stretches_.begin(), stretches_.end(), first,
                       [](const Stretch& stretch, std::uint64_t page) { return stretch.first < page; });
  return found != stretches_.end() && found->first == first
             ? static_cast<std::size_t>(found - stretches_.begin())
             : stretches_.size();
}

bool AdoptedPages::holds(const Block& block) const noexcept {
  if (!inside(block)) {
    return false;
  }
  const Pages pages = pages_of(block);
  const std::size_t end = stretch_at(pages.end);
  if (end == stretches_.size()) {
    return false;
  }
  for (std::size_t index = stretch_at(pages.first); index != end; ++index) {
    if (index >= end || stretches_[index].users == 0) {
      return false;
    }
  }
  return true;
}

void AdoptedPages::free(const Block& block) noexcept {
  const Pages pages = pages_of(block);
  for (std::size_t index = stretch_at(pages.first); stretches_[index].first < pages.end; ++index) {
    if (--stretches_[index].users == 0) {
      const std::uint64_t count = stretches_[index + 1].first - stretches_[index].first;
      used_pages_ -= count;
      unused_pages_ += count;
      queue(index);
    }
  }
}

void AdoptedPages::queue(std::size_t index) noexcept {
  const auto link = static_cast<std::uint32_t>(index + 1);
  (first_unused_ == 0 ? first_unused_ : stretches_[last_unused_ - 1].next_unused) = link;
  last_unused_ = link;
}

// Neighbouring freed pages are merged.
std::optional<AdoptedPages::Pages> AdoptedPages::take_unused(std::uint64_t most_pages) noexcept {
  if (first_unused_ == 0) {
    return std::nullopt;
  }
  const std::uint64_t first = stretches_[first_unused_ - 1].first + taken_pages_;
  Pages taken{first, first};
  while (first_unused_ != 0 && stretches_[first_unused_ - 1].first + taken_pages_ == taken.end &&
         taken.end < first + most_pages) {
    const std::uint64_t end = stretches_[first_unused_].first;
    const std::uint64_t count = std::min(end, first + most_pages) - taken.end;
    taken.end += count;
    taken_pages_ += count;
    if (taken.end == end) {
      first_unused_ = stretches_[first_unused_ - 1].next_unused;
      taken_pages_ = 0;
    }
  }
  unused_pages_ -= taken.end - taken.first;
  return taken;
}

}  // namespace locum::shm
