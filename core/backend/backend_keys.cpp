#include "core/backend/backend_keys.hpp"

#include <algorithm>
#include <random>

#include "core/base/hash.hpp"
#include "core/base/wall_clock.hpp"
#include "core/node/promised.hpp"
#include "core/object/object_record.hpp"

namespace locum {

namespace {

/// Set in the creator of the key of a named object.
constexpr std::uint32_t named_bit = std::uint32_t{1} << 31U;
/// A serial has neither of the bits of promises.
constexpr std::uint64_t serial_bits = restored_bit - 1;

std::uint64_t serial_of_name(std::uint64_t hash) noexcept {
  return std::max<std::uint64_t>(hash & serial_bits, 1);
}

}  // namespace

std::uint64_t random_word() {
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

Key key_of_name(std::uint32_t store, std::uint64_t hash, std::uint64_t generation) noexcept {
  const auto folded = static_cast<std::uint32_t>(detail::fold_multiply(generation, 0x9E3779B97F4A7C15U));
  return {store, named_bit | folded, serial_of_name(hash)};
}

bool is_of_name(const Key& key) noexcept {
  return (key.creator & named_bit) != 0 && !is_promised(key);
}

bool leads_to(const Key& key, std::string_view name) noexcept {
  return serial_of_name(name_hash(key.store, name)) == key.serial;
}

Key without_generation(const Key& key) noexcept {
  return {key.store, named_bit, key.serial};
}

BackendKeys::BackendKeys()
    : creator_(static_cast<std::uint32_t>(random_word()) & ~named_bit),
      last_serial_((random_word() << 40U) & serial_bits) {}

Key BackendKeys::next(std::uint32_t store) noexcept {
  return {store, creator_, (last_serial_.fetch_add(1, std::memory_order_relaxed) + 1) & serial_bits};
}

// Greater than any before in this process, and about the moment: so greater than those of other processes
// that were given before, as far as their clocks agree.
std::uint64_t GenerationClock::next(std::uint64_t count) noexcept {
  const std::uint64_t now = nanoseconds_since_1970();
  std::uint64_t last = last_.load(std::memory_order_relaxed);
  std::uint64_t first = 0;
  do {
    first = std::max(now, last + 1);
  } while (!last_.compare_exchange_weak(last, first + count - 1, std::memory_order_relaxed));
  return first;
}

}  // namespace locum
