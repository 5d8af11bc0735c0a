#include <algorithm>
#include <chrono>
#include <limits>
#include <random>

#include "core/base/hash.hpp"
#include "core/record.hpp"
#include "core/record_nesting.hpp"

namespace locum {

namespace {

/// Members are searched one after the other up to this number.
constexpr std::size_t members_without_index = 8;
constexpr std::size_t smallest_index = 32;

/// Differs from process to process, so that no file can choose names whose searches take long.
std::uint64_t seed_of_members() {
  static const std::uint64_t seed = [] {
    try {
      std::random_device device;
      return (std::uint64_t{device()} << 32U) | device();
    } catch (const std::exception&) {
      return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    }
  }();
  return seed;
}

/// Returns the slot where the search for a name begins. REQUIRES: the number of slots is a power of 2.
std::size_t first_slot(std::string_view name, std::size_t slots) {
  return static_cast<std::size_t>(hash64(name, seed_of_members())) & (slots - 1);
}

}  // namespace

std::size_t RecordMembers::position_of(std::string_view name) const noexcept {
  if (index_.empty()) {
    const auto found = std::ranges::find(members_, name, &Member::first);
    return static_cast<std::size_t>(found - members_.begin());
  }
  for (std::size_t slot = first_slot(name, index_.size()); index_[slot] != 0;
       slot = (slot + 1) & (index_.size() - 1)) {
    const std::size_t position = index_[slot] - 1;
    if (members_[position].first == name) {
      return position;
    }
  }
  return size();
}

const Record* RecordMembers::find(std::string_view name) const noexcept {
  const std::size_t position = position_of(name);
  return position == size() ? nullptr : &members_[position].second;
}

void RecordMembers::set(std::string_view name, Record value) {
  const std::size_t levels = nesting_within(value.nesting()) - 1;
  const std::size_t position = position_of(name);
  if (position == size()) {
    return append(std::string(name), std::move(value));
  }
  Record& known = members_[position].second;
  count_nesting(levels);
  forget_nesting(known.nesting());
  known = std::move(value);
}

void RecordMembers::append(std::string name, Record value) {
  if (size() >= std::numeric_limits<std::uint32_t>::max()) {
    throw Error(Errc::invalid_argument, "a Record has less than 2^32 members; use several, or an Array");
  }
  // All that may fail comes before the first change.
  if (size() >= members_without_index && index_.size() < 2 * (size() + 1)) {
    make_index(std::max(smallest_index, 2 * index_.size()));
  }
  if (members_.capacity() == size()) {
    members_.reserve(2 * size() + 4);
  }
  count_nesting(value.nesting());
  members_.emplace_back(std::move(name), std::move(value));
  if (!index_.empty()) {
    add_to_index(size() - 1);
  }
}

void RecordMembers::make_index(std::size_t slots) {
  index_ = std::vector<std::uint32_t>(slots);
  for (std::size_t position = 0; position < size(); ++position) {
    add_to_index(position);
  }
}

void RecordMembers::add_to_index(std::size_t position) noexcept {
  std::size_t slot = first_slot(members_[position].first, index_.size());
  while (index_[slot] != 0) {
    slot = (slot + 1) & (index_.size() - 1);
  }
  index_[slot] = static_cast<std::uint32_t>(position + 1);
}

bool RecordMembers::remove(std::string_view name) {
  const std::size_t position = position_of(name);
  if (position == size()) {
    return false;
  }
  forget_nesting(members_[position].second.nesting());
  const Record removed = std::move(members_[position].second);  // the name may be part of it
  members_.erase(members_.begin() + static_cast<std::ptrdiff_t>(position));
  std::ranges::fill(index_, 0);
  for (std::size_t at = 0; at < size() && !index_.empty(); ++at) {
    add_to_index(at);
  }
  return true;
}

bool operator==(const RecordMembers& a, const RecordMembers& b) noexcept {
  return a.size() == b.size() && std::ranges::all_of(a, [&](const RecordMembers::Member& member) {
           const Record* const found = b.find(member.first);
           return found != nullptr && *found == member.second;
         });
}

void RecordMembers::count_nesting(std::size_t levels) {
  if (levels > deeper_.size()) {
    deeper_.resize(levels);
  }
  if (levels > 0) {
    ++deeper_[levels - 1];
  }
}

void RecordMembers::forget_nesting(std::size_t levels) noexcept {
  if (levels > 0) {
    --deeper_[levels - 1];
  }
  while (!deeper_.empty() && deeper_.back() == 0) {
    deeper_.pop_back();
  }
}

}  // namespace locum
