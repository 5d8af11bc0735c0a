#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/directory.hpp"
#include "core/ports/node_table.hpp"
#include "core/value/promised_key.hpp"

namespace locum {

/// How a promise is represented in its store: an unnamed object, the *placeholder*, exists until the promise
/// is set or broken; its outcome is bound under a name derived from the promise's key, which is the
/// placeholder's key with one more bit set. So waiting for a promise is waiting for a name, and a promise
/// that no longer exists differs from one that may still be set. The name's home is the maker's node.

/// A rank keeps marks of this many of its broken promises, the latest: resolving the proxy of an older one
/// gives `not_found` instead of `broken_promise`.
inline constexpr std::size_t most_broken_promises = 1024;

/// Whether only ranks of the maker's node may bind a name: that of a promise which has a maker.
[[nodiscard]] bool is_for_its_maker(std::uint32_t store, std::string_view name) noexcept;

/// Content of a placeholder, and of the object under the name of a promise whose value is elsewhere or
/// missing.
struct PromiseRecord {
  static constexpr std::string_view locum_type_name = "locum.promise";

  enum class State : std::uint64_t {
    unset,
    kept,     ///< set; the value is another object
    broken,   ///< will never have a value
    in_file,  ///< the value is part of a file, described behind this record (see FileParts)
    same_as,  ///< the value is that of another promise, whose record is not one of these
  };

  State state = State::unset;
  /// If kept: the object; if broken: a text that tells why, or none; if in a file: the promise of who reads
  /// it, or none; or the other one.
  Key value{};
  std::uint64_t size_bytes = 0;  ///< of its payload
  std::uint64_t name_hash = 0;   ///< of its name
};

/// Whether an object is a PromiseRecord, by its type.
[[nodiscard]] bool is_promise_record(std::uint64_t type_hash) noexcept;

/// The PromiseRecord in an object; none if it is damaged, or of another type.
[[nodiscard]] std::optional<PromiseRecord> read_promise_record(const ObjectView& object) noexcept;
/// The address of the value of a kept promise, if the object under the promise's name is not the value
/// itself.
[[nodiscard]] std::optional<Address> kept_elsewhere(const ObjectView& object) noexcept;

/// Of the record of a part of a file: the promise of who reads it, or no valid key. None of other objects.
[[nodiscard]] std::optional<Key> in_file(const ObjectView& object) noexcept;

/// The other promise whose value it is. None of other objects.
[[nodiscard]] std::optional<Key> same_as(const ObjectView& object) noexcept;

/// The name that a promise is bound under. `nonce` is varied until the name's home is the right node.
[[nodiscard]] std::string promised_name(const Key& promised, std::uint32_t nonce = 0);
/// The name of the PromiseRecord whose `value` is the unset promise that is to bind `name`.
[[nodiscard]] std::string claimed_name(std::uint32_t store, std::string_view name);
/// Whether a name is one of these, which programs must not use.
[[nodiscard]] bool is_reserved(std::string_view name) noexcept;
/// The key of the promise with this name; none if the name is not a promise's.
[[nodiscard]] std::optional<Key> promise_named(std::uint32_t store, std::string_view name) noexcept;

/// Returns the ranks of this node known to be dead; empty: none ever is.
using LostNodePeers = std::function<std::vector<int>()>;

/// The object under the name of a promise of this node, pinned. `timeout`: not yet; `not_found`: no longer;
/// `peer_lost`: never, because its maker is dead. Waits only for locks.
[[nodiscard]] Result<Pin> find_promised(NodeTable& table, Directory& directory, const Key& promised,
                                        std::string_view name, const LostNodePeers& lost, WaitBudget budget);

}  // namespace locum
