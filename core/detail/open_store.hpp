#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <locum/detail/object/object.hpp>
#include <locum/error.hpp>
#include <locum/handle.hpp>
#include <locum/options.hpp>
#include <locum/path.hpp>

namespace locum {
class CompletionCounter;
}

namespace locum::detail {

class SessionState;

// Calls of a session that public templates make, without its class.

/// Return the errors of that object: see the members of SessionState.
[[nodiscard]] Error explain(const SessionState& session, const Address& address, const Error& error);
[[nodiscard]] Error type_mismatch(const SessionState& session, std::string_view asked,
                                  const ObjectView& object);
[[nodiscard]] Error wrong_size(const SessionState& session, std::string_view type, const ObjectView& object);

/// Counts bytes that were read by that path.
void count_read(SessionState& session, Path path, std::uint64_t bytes) noexcept;
/// Frees the memory of a draft that will not be sealed.
void discard(SessionState& session, const ObjectDraft& draft) noexcept;
[[nodiscard]] const std::shared_ptr<CompletionCounter>& completions_of(const SessionState& session) noexcept;
[[nodiscard]] std::weak_ptr<SessionState> weak(SessionState& session) noexcept;

/// The origin of a stand-in: its session, its handle there, and why the handle cannot be used.
struct StandInOrigin {
  std::weak_ptr<SessionState> session;
  Handle handle;
  std::optional<Error> refusal = {};
};
/// Returns the origin of a stand-in for the object of a handle: in that session; in the session of this
/// process that made the handle; or in the latter if there is one, otherwise in the given one, which may have
/// ended.
[[nodiscard]] StandInOrigin origin_of(SessionState& session, const Handle& handle);
[[nodiscard]] StandInOrigin origin_of(const Handle& handle);
[[nodiscard]] StandInOrigin origin_of(const std::weak_ptr<SessionState>& session, const Handle& handle);

/// State that the Store values of one `open`, or of one collection, share.
struct OpenStore {
  std::shared_ptr<SessionState> session;
  std::uint32_t number = 0;
  std::string name;
  std::string collection;  ///< with the collections that contain it: `step42/ghosts`; empty: the store itself
  StoreOptions options;
  bool at_home = false;                   ///< as in ObjectMeta: of all named objects that are put through it
  std::uint32_t most_along = 0;           ///< as in Address: of waits for names, and of keys
  std::atomic<std::uint32_t> dropped{0};  ///< 1: by Session::drop()
  /// The shortest lifetime passed to expect_expiry().
  std::atomic<std::int64_t> shortest_lifetime_ms{std::numeric_limits<std::int64_t>::max()};

  void drop() noexcept { dropped.exchange(1, std::memory_order_acq_rel); }
  /// Whether the store was dropped; called after an object was published. Both sides read and write the word,
  /// so that one comes first: this learns of the drop, or the drop finds the object.
  [[nodiscard]] bool dropped_meanwhile() noexcept {
    return dropped.fetch_or(0, std::memory_order_acq_rel) != 0;
  }
};

/// Returns the name in the store of a name in a collection: `COLLECTION/NAME`. An empty name, and one that is
/// too long, stay unchanged: the latter is refused.
[[nodiscard]] inline std::string in_collection(std::string_view collection, std::string_view name) {
  std::string whole;
  if (!collection.empty() && !name.empty() && name.size() <= max_name_bytes) {
    whole.reserve(collection.size() + 1 + name.size());
    whole.append(collection).push_back('/');
  }
  return whole.append(name);
}

/// The name passed to a call in the form that the connector knows. Refers to the given name, or in a
/// collection owns another: it lives as long as the call. All names go through here once; the steps of a
/// store below its calls have full names only.
class FullName {
 public:
  FullName(const OpenStore& store, std::string_view name)
      : store_(store.number), most_along_(store.most_along), whole_(name) {
    if (!store.collection.empty()) [[unlikely]] {
      joined_ = in_collection(store.collection, name);
      whole_ = joined_;
    }
  }
  FullName(const FullName&) = delete;
  FullName& operator=(const FullName&) = delete;
  ~FullName() = default;

  operator std::string_view() const noexcept { return whole_; }
  operator Address() const noexcept {
    Address address(store_, whole_);
    address.most_along = most_along_;
    return address;
  }

 private:
  const std::uint32_t store_;
  const std::uint32_t most_along_;
  std::string joined_;
  std::string_view whole_;
};

}  // namespace locum::detail
