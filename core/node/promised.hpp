#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/key.hpp"
#include "core/ports/directory.hpp"
#include "core/ports/node_table.hpp"

namespace locum {

/// How a promise stands in its store: as an unnamed object, the *placeholder*, from its beginning until it is
/// set or broken; and what becomes of it stands under a name that follows from its key, which is the
/// placeholder's key with one bit more. So an unset promise is waited for as a name is, and one that is not
/// there any more is known from one that may still be set. The name is at home on its maker's node.

/// Of its broken promises a rank leaves marks of so many, the last ones: who resolves the stand-in of an
/// older one gets `not_found` instead of `broken_promise`.
inline constexpr std::size_t most_broken_promises = 1024;

/// Set in the serial of a promise's key, and of no other.
inline constexpr std::uint64_t promised_bit = std::uint64_t{1} << 63U;

[[nodiscard]] constexpr bool is_promised(const Key& key) noexcept {
  return (key.serial & promised_bit) != 0;
}
/// The key of the promise that has this placeholder.
[[nodiscard]] constexpr Key promised_by(const Key& placeholder) noexcept {
  return {placeholder.store, placeholder.creator, placeholder.serial | promised_bit};
}
[[nodiscard]] constexpr Key placeholder_of(const Key& promised) noexcept {
  return {promised.store, promised.creator, promised.serial & ~promised_bit};
}

/// What is in a placeholder, and under the name of a promise that has no value of its own there.
struct PromiseRecord {
  static constexpr std::string_view locum_type_name = "locum.promise";

  enum class State : std::uint64_t {
    unset,
    kept,    ///< the value is another object
    broken,  ///< there will be none
  };

  State state = State::unset;
  Key value{};                   ///< kept: the object
  std::uint64_t size_bytes = 0;  ///< of its payload
  std::uint64_t name_hash = 0;   ///< of its name
};

/// Whether an object is a PromiseRecord, by its type.
[[nodiscard]] bool is_promise_record(std::uint64_t type_hash) noexcept;

/// What a PromiseRecord says; none if it is damaged, or the object is none.
[[nodiscard]] std::optional<PromiseRecord> read_promise_record(const ObjectView& object) noexcept;
/// Where the value of a kept promise is, if the object that stands under its name is not the value itself.
[[nodiscard]] std::optional<Address> kept_elsewhere(const ObjectView& object) noexcept;

/// Under what name a promise stands. `nonce`: what makes the name at home where it has to be.
[[nodiscard]] std::string promised_name(const Key& promised, std::uint32_t nonce = 0);
/// Under what name it is said which promise a value will be put under `name` by, as long as that is not set:
/// in a PromiseRecord, whose `value` is the promise.
[[nodiscard]] std::string claimed_name(std::uint32_t store, std::string_view name);
/// Whether it is one of these names, and so not a program's.
[[nodiscard]] bool is_reserved(std::string_view name) noexcept;
/// Whose name it is; none if it is no promise's.
[[nodiscard]] std::optional<Key> promise_named(std::uint32_t store, std::string_view name) noexcept;

/// Which ranks of this node are dead, as far as is known; empty: none ever is.
using LostMates = std::function<std::vector<int>()>;

/// What stands under the name of a promise of this node, pinned. `timeout`: nothing yet; `not_found`: nothing
/// any more; `peer_lost`: nothing for ever, because its maker is dead. Does not wait, but for locks.
[[nodiscard]] Result<Pin> find_promised(NodeTable& table, Directory& directory, const Key& promised,
                                        std::string_view name, const LostMates& lost, WaitBudget budget);

}  // namespace locum
