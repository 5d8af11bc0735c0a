#include "core/detail/restored_handles.hpp"

#include <array>
#include <string_view>

#include "core/base/hash.hpp"
#include "core/node/promised.hpp"

namespace locum::detail {

namespace {

constexpr std::uint64_t identity_bits = restored_bit - 1;

}  // namespace

std::uint64_t former_identity(std::uint64_t incarnation, const Key& key) noexcept {
  const std::array<std::uint64_t, 3> words{incarnation, (std::uint64_t{key.store} << 32U) | key.creator,
                                           key.serial};
  return hash64({reinterpret_cast<const char*>(words.data()), sizeof words}) & identity_bits;
}

std::uint64_t promise_identity(std::uint64_t incarnation, const Key& promised) noexcept {
  return (promised.serial & restored_bit) != 0 ? promised.serial & identity_bits
                                               : former_identity(incarnation, promised);
}

Key restored_key(std::uint32_t store, std::uint64_t identity, std::uint32_t ranks) noexcept {
  return {store, static_cast<std::uint32_t>((identity >> 32U) % ranks),
          promised_bit | restored_bit | (identity & identity_bits)};
}

void RestoredHandles::add(std::uint64_t incarnation, std::uint32_t former_store, std::uint32_t store,
                          std::uint32_t ranks) {
  const MutexLock lock(mutex_);
  origins_.push_back({{incarnation, former_store}, store, ranks});
}

std::vector<FormerStore> RestoredHandles::origins(std::uint32_t store) const {
  const MutexLock lock(mutex_);
  std::vector<FormerStore> found;
  for (const Origin& origin : origins_) {
    if (origin.store == store) {
      found.push_back(origin.former);
    }
  }
  return found;
}

std::optional<Handle> RestoredHandles::here(const Handle& former, std::uint64_t here) const {
  const MutexLock lock(mutex_);
  // The latest first: a store that was dropped may have been restored again.
  for (auto origin = origins_.rbegin(); origin != origins_.rend(); ++origin) {
    if (origin->former.incarnation == former.incarnation && origin->former.store == former.key.store) {
      Handle handle = former;
      handle.incarnation = here;
      handle.key =
          restored_key(origin->store, former_identity(former.incarnation, former.key), origin->ranks);
      handle.generation = 0;
      handle.name_hash = 0;
      handle.size_bytes = 0;
      handle.flags = static_cast<std::uint8_t>((former.flags & Handle::decoded_anew) | Handle::promised);
      handle.stamp();
      return handle;
    }
  }
  return std::nullopt;
}

}  // namespace locum::detail
