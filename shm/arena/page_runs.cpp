#include "shm/arena/page_runs.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace locum::shm {
namespace {
// Runs of one bin that are compared for the best fit before a longer bin is used, where every run fits.
constexpr int best_fit_steps = 16;
}  // namespace

std::uint32_t PageRuns::bin_of(std::uint64_t count) noexcept {
  if (count <= 64) {
    return static_cast<std::uint32_t>(count - 1);
  }
  const auto doubling = static_cast<std::uint32_t>(std::bit_width(count)) - 1;  // 6 … 31
  return 64 + (doubling - 6) * 32 + static_cast<std::uint32_t>((count >> (doubling - 5)) & 31U);
}

// The first bin from `from` on that is not empty; bin_count if none.
std::uint32_t PageRuns::next_bin(std::uint32_t from) const noexcept {
  if (from >= bin_count) {
    return bin_count;
  }
  std::uint32_t word = from / 64;
  std::uint64_t bits = filled_[word] & (~std::uint64_t{0} << (from % 64));
  while (bits == 0) {
    if (++word == filled_.size()) {
      return bin_count;
    }
    bits = filled_[word];
  }
  return word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
}

// The shortest run of the bin that is long enough, among the first `steps`; none if there is none.
std::uint32_t PageRuns::search(std::uint32_t bin, std::uint64_t count, int steps) const noexcept {
  std::uint32_t best = none;
  for (std::uint32_t run = heads_[bin]; run != none && steps > 0; run = map_[run].next, --steps) {
    const std::uint32_t length = map_[run].length;
    if (length >= count && (best == none || length < map_[best].length)) {
      best = run;
    }
  }
  return best;
}

// By the hints; none if they have none.
std::uint32_t PageRuns::lowest(std::uint64_t count) noexcept {
  for (std::size_t group = 0; group < hint_groups_.size(); ++group) {
    if (hint_groups_[group] < count) {
      continue;
    }
    std::uint32_t longest = 0;
    const std::size_t end = std::min(hints_.size(), (group + 1) * group_hints);
    for (std::size_t index = group * group_hints; index < end; ++index) {
      if (hints_[index].length >= count) {
        return hints_[index].first;
      }
      longest = std::max(longest, hints_[index].length);
    }
    hint_groups_[group] = longest;
  }
  return none;
}

std::optional<PageRun> PageRuns::fitting(std::uint64_t count) noexcept {
  if (count == 0 || count > free_pages_) {
    return std::nullopt;
  }
  const std::uint32_t bin = bin_of(count);
  std::uint32_t run = count >> unit_shift_ == 0 ? lowest(count) : none;
  if (run == none) {
    run = search(bin, count, best_fit_steps);
  }
  if (run == none) {
    const std::uint32_t longer = next_bin(bin + 1);
    run = longer < bin_count ? heads_[longer] : search(bin, count, std::numeric_limits<int>::max());
  }
  return run == none ? std::nullopt : std::optional(PageRun{run, map_[run].length});
}

std::optional<std::uint64_t> PageRuns::take(std::uint64_t count) noexcept {
  const auto run = fitting(count);
  if (!run) {
    return std::nullopt;
  }
  take_part(*run, {run->first, count});
  return run->first;
}

void PageRuns::take_part(const PageRun& run, const PageRun& part) noexcept {
  unlink(run.first);
  free_pages_ -= part.count;
  if (part.end() < run.end()) {
    link(part.end(), run.end() - part.end());
  }
  if (run.first < part.first) {
    link(run.first, part.first - run.first);
  }
  hint_again(run.first);
}

void PageRuns::give(std::uint64_t first, std::uint64_t count) noexcept {
  free_pages_ += count;
  if (const std::uint64_t before = ending_at(first); before != 0) {
    unlink(first - before);
    first -= before;
    count += before;
  }
  if (const std::uint64_t behind = beginning_at(first + count); behind != 0) {
    unlink(first + count);
    count += behind;
    link(first, count);
    hint_again(first + count - behind);
    return;
  }
  link(first, count);
}

std::uint64_t PageRuns::ending_at(std::uint64_t end) const noexcept {
  if (end == 0 || end > map_.size()) {
    return 0;
  }
  const Node& node = map_[end - 1];
  return node.length <= 1 || node.next == last ? node.length : 0;
}

std::uint64_t PageRuns::beginning_at(std::uint64_t first) const noexcept {
  return first >= map_.size() || map_[first].next == last ? 0 : map_[first].length;
}

std::uint64_t PageRuns::longest() const noexcept {
  for (std::size_t word = filled_.size(); word-- > 0;) {
    if (filled_[word] != 0) {
      const auto bin = static_cast<std::uint32_t>(word * 64 + 63) -
                       static_cast<std::uint32_t>(std::countl_zero(filled_[word]));
      std::uint64_t length = 0;
      for (std::uint32_t run = heads_[bin]; run != none; run = map_[run].next) {
        length = std::max<std::uint64_t>(length, map_[run].length);
      }
      return length;
    }
  }
  return 0;
}

void PageRuns::link(std::uint64_t first, std::uint64_t count) noexcept {
  const std::uint32_t bin = bin_of(count);
  const std::uint32_t head = heads_[bin];
  map_[first + count - 1] = {.length = static_cast<std::uint32_t>(count), .next = last};
  map_[first] = {.length = static_cast<std::uint32_t>(count), .next = head, .previous = none};
  if (head != none) {
    map_[head].previous = static_cast<std::uint32_t>(first);
  }
  heads_[bin] = static_cast<std::uint32_t>(first);
  filled_[bin / 64] |= std::uint64_t{1} << (bin % 64);
  whole_units_ += whole_units({first, count});
  Hint& hint = hints_[first / hint_pages];
  ++hint.runs;
  if (count > hint.length) {
    hint.first = static_cast<std::uint32_t>(first);
    hint.length = static_cast<std::uint32_t>(count);
    std::uint32_t& longest = hint_groups_[first / hint_pages / group_hints];
    longest = std::max(longest, hint.length);
  }
}

// After the hinted run has gone: another one there, if there is any.
void PageRuns::hint_again(std::uint64_t page) noexcept {
  Hint& hint = hints_[page / hint_pages];
  if (hint.length != 0) {
    return;
  }
  const std::uint64_t begin = page / hint_pages * hint_pages;
  const std::uint64_t end = std::min(begin + hint_pages, map_.size());
  std::uint32_t left = hint.runs;
  for (std::uint64_t at = begin; left > 0 && at < end;) {
    const auto length = static_cast<std::uint32_t>(beginning_at(at));
    if (length > hint.length) {
      hint.first = static_cast<std::uint32_t>(at);
      hint.length = length;
    }
    left -= length != 0 ? 1 : 0;
    at += std::max(length, 1U);
  }
  std::uint32_t& longest = hint_groups_[page / hint_pages / group_hints];
  longest = std::max(longest, hint.length);
}

void PageRuns::unlink(std::uint64_t first) noexcept {
  const Node run = map_[first];
  whole_units_ -= whole_units({first, run.length});
  if (run.next != none) {
    map_[run.next].previous = run.previous;
  }
  if (run.previous != none) {
    map_[run.previous].next = run.next;
  } else {
    const std::uint32_t bin = bin_of(run.length);
    heads_[bin] = run.next;
    if (run.next == none) {
      filled_[bin / 64] &= ~(std::uint64_t{1} << (bin % 64));
    }
  }
  map_[first + run.length - 1] = {};
  map_[first] = {};
  Hint& hint = hints_[first / hint_pages];
  --hint.runs;
  if (hint.length != 0 && hint.first == first) {
    hint.length = 0;
  }
}

}  // namespace locum::shm
